"""Who acts where nobody says it: the user of this process."""

import getpass

from mainspring.elements.actor import actor_of_user, parse_actor
from mainspring.elements.events import Actor

__all__ = ["actor_or_user"]


def actor_or_user(given: str) -> Actor:
    """The actor that was given, else the user of this process.  Raises: NotAnActor ACC-030."""
    return parse_actor(given) if given else actor_of_user(getpass.getuser())
