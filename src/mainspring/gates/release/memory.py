"""The highest sequences that were seen: what is lower was put back by somebody."""

from typing import Protocol

__all__ = ["ProcessSequences", "SequenceMemory"]


class SequenceMemory(Protocol):
    """Remembers the highest sequence of each name.

    Guarantees: what was seen once is never forgotten or lowered by its holder.
    Errors: ENG-033 when what was seen cannot be read or kept.
    """

    def highest(self, name: str) -> int:
        """The highest that was seen; 0 for none."""
        ...

    def saw(self, name: str, sequence: int) -> None:
        """Remember this one, if it is higher."""
        ...


class ProcessSequences:
    """Remembers as long as the process lives."""

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}

    def highest(self, name: str) -> int:
        """The highest that was seen; 0 for none."""
        return self._highest.get(name, 0)

    def saw(self, name: str, sequence: int) -> None:
        """Remember this one, if it is higher."""
        self._highest[name] = max(sequence, self.highest(name))
