"""What a predict request holds, and how much; apart from `predict`, because a server of bare models
has neither features nor schemas.
"""

import msgspec

__all__ = ["MAX_ROWS", "PredictBody"]

MAX_ROWS = 10_000
"""How many rows one request may ask about."""


class PredictBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a predict request."""

    rows: list[dict[str, object]]
