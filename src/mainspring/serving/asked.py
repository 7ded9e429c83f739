"""What somebody asks an endpoint."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["AskedOf"]


class AskedOf(NamedTuple):
    """Rows for an endpoint.

    Args:
        revision: the one that is asked for; empty for whichever answers.
    """

    rows: Sequence[Mapping[str, object]]
    actor: str
    revision: str = ""
