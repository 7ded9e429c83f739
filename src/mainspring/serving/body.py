"""What a predict request holds; apart from `predict`, because a server of bare models
has neither features nor schemas.
"""

import msgspec

__all__ = ["PredictBody"]


class PredictBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a predict request.

    Args:
        explain: say of each prediction what each feature has added to it.
    """

    rows: list[dict[str, object]]
    explain: bool = False
