"""Names of actors: one rule, wherever somebody says who acts.

An actor goes into a journal that stays, into signed statements and onto terminals.  So a name is
short and of letters that look like nothing else: two names that read alike are one name, and none
can break a line or a path.  What an earlier release recorded under other names stays as it is.
"""

import re

from mainspring.elements.declaration import shown_briefly
from mainspring.elements.errors import NotAnActor
from mainspring.elements.events import Actor

__all__ = ["actor_of_user", "is_recorded_actor", "parse_actor"]

_ACTOR = re.compile(r"[a-z][a-z0-9-]{0,29}:[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_UNUSABLE = re.compile(r"[^A-Za-z0-9._@+-]+")
_LONGEST_NAME = 100
_LONGEST_RECORDED = 200


def parse_actor(text: str) -> Actor:
    """The actor that a text names.  Raises: NotAnActor ACC-030.

    >>> parse_actor("person:ada"), parse_actor("service:till@shop-2")
    ('person:ada', 'service:till@shop-2')
    """
    if not _ACTOR.fullmatch(text):
        raise NotAnActor(given=shown_briefly(text))
    return Actor(text)


def actor_of_user(user: str) -> Actor:
    """The actor that a user of this machine is; what no name can have becomes a dash.

    >>> actor_of_user("ada"), actor_of_user("SHOP\\\\ada")
    ('person:ada', 'person:SHOP-ada')
    """
    name = _UNUSABLE.sub("-", user).lstrip("._@+-")[:_LONGEST_NAME]
    return Actor(f"person:{name or 'unknown'}")


def is_recorded_actor(text: str) -> bool:
    """Whether release 0.1 took this for an actor: one printable line.

    >>> is_recorded_actor("the till"), is_recorded_actor("person:ada\\n")
    (True, False)
    """
    return bool(text.strip()) and text.isprintable() and len(text) <= _LONGEST_RECORDED
