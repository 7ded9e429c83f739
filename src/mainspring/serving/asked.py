"""What somebody asks an endpoint."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mainspring.serving.turn_spans import TurnSpans

__all__ = ["AskedOf"]


class AskedOf(NamedTuple):
    """Rows for an endpoint.

    Args:
        revision: the one that is asked for; empty for whichever answers.
        spans: of the turn that it is answered in; None where nothing of that is traced.
    """

    rows: Sequence[Mapping[str, object]]
    actor: str
    revision: str = ""
    spans: TurnSpans | None = None
