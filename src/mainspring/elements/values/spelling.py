"""How the values of a column are written where they arrive as text."""

from dataclasses import dataclass

__all__ = ["PLAIN", "Spelling"]


@dataclass(frozen=True)
class Spelling:
    """How the values of a column are written where they arrive as text.

    Args:
        format: of times, in the words of `strptime`; a text of ISO 8601 that says its offset from
            UTC is read beside it.  Empty: ISO 8601.
        zone: the time zone of times that do not say one; empty: UTC.
        decimal: what stands before the decimals of a number.
        thousands: what stands between groups of three digits; empty: nothing does.
        nulls: texts that say that there is no value.
    """

    format: str = ""
    zone: str = ""
    decimal: str = "."
    thousands: str = ""
    nulls: tuple[str, ...] = ()


PLAIN = Spelling()
"""As programs write: ISO 8601 in UTC, a point before the decimals."""
