"""What feedback holds, and what became of it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = ["FeedbackBody", "FeedbackReport", "RefusedRow"]


class FeedbackBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of feedback.

    Args:
        rows: each with `prediction`, the id of an answer, or with the columns that its label is
            joined by; and with `label`, or the columns of the label's source.
        endpoint: of the rows that name no prediction.
        op: `replace` for a correction; default: what differs from an earlier row of its id goes
            to quarantine.
    """

    rows: list[dict[str, object]]
    endpoint: str = ""
    op: Literal["", "replace"] = ""


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that belongs to no label, and why.

    Args:
        row: its place, from 0.
        remedy: what to send.
    """

    row: int
    code: str
    detail: str
    remedy: str


class FeedbackReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of rows of feedback, by how many.

    Args:
        duplicates: rows that the source has already.
        quarantined: how many the source refused, by reason.
        ignored: columns that the source does not have.
        refused: the rows that were not written.
    """

    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    quarantined: Mapping[str, int] = {}
    ignored: tuple[str, ...] = ()
    refused: tuple[RefusedRow, ...] = ()
