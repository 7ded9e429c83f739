"""Which requests a queue takes: all of it is for live ones, a part of it for what can wait."""

from enum import Enum

from mainspring.serving.admission.errors import UnknownPriority

__all__ = ["PRIORITY_HEADER", "Priority", "has_room", "parse_priority", "room_for"]

PRIORITY_HEADER = "mainspring-priority"


class Priority(Enum):
    """Why something is asked, the most urgent first; the value is how many of a queue's places are
    for requests like it and less urgent ones.
    """

    LIVE = 1.0
    SHADOW = 0.5
    BATCH = 0.25

    @property
    def word(self) -> str:
        """As the header has it."""
        return self.name.lower()


_BY_WORD = {priority.word: priority for priority in Priority}


def parse_priority(text: str | None) -> Priority:
    """The priority that a header names; live where there is no header.  Raises: UnknownPriority
    SRV-102.

    >>> parse_priority(None).word, parse_priority("Batch").word
    ('live', 'batch')
    """
    if text is None:
        return Priority.LIVE
    priority = _BY_WORD.get(text.strip().lower())
    if priority is None:
        raise UnknownPriority(given=text, known=", ".join(_BY_WORD))
    return priority


def room_for(priority: Priority, limit: int) -> int:
    """How many requests may be under way for one more of this priority to be let in; at least one
    may, since else none ever could.

    >>> [room_for(each, 256) for each in Priority], room_for(Priority.BATCH, 2)
    ([256, 128, 64], 1)
    """
    return max(1, int(limit * priority.value))


def has_room(under_way: int, priority: Priority, limit: int) -> bool:
    """Whether one more is let in.

    Args:
        under_way: requests of all priorities.
        limit: of the queue.

    >>> has_room(128, Priority.LIVE, 256), has_room(128, Priority.SHADOW, 256)
    (True, False)
    """
    return under_way < room_for(priority, limit)
