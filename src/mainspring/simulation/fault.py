"""Faults to inject into a simulation: what an upstream team does on a Friday."""

import re
from dataclasses import dataclass

import polars as pl

from mainspring.elements.time import Micros, parse_instant
from mainspring.simulation.errors import UnreadableFault

__all__ = ["InjectedFault", "parse_injected_fault"]

_FAULT = re.compile(
    r"(?P<kind>unit-change|nulls|constant):(?P<column>\w+)"
    r"(?:\*(?P<factor>[0-9]+(?:\.[0-9]+)?))?"
    r"@(?P<at>.+)"
)
_MINUTES_TO_SECONDS = 60.0


@dataclass(frozen=True)
class InjectedFault:
    """One column goes wrong from an instant on, in every source that has it."""

    kind: str
    column: str
    factor: float
    at: Micros

    def applied_to(self, rows: pl.DataFrame, visible_at: str) -> pl.DataFrame:
        """The rows as the broken upstream would send them; `visible_at` names the column with the
        instant at which each is sent.
        """
        if self.column not in rows.columns:
            return rows
        value = pl.col(self.column)
        if self.kind == "unit-change" and not rows.schema[self.column].is_numeric():
            raise UnreadableFault(
                text=f"{self.kind}:{self.column}",
                reason=f"the column holds {rows.schema[self.column]}, which has no unit",
            )
        match self.kind:
            case "unit-change":
                broken = (value * self.factor).cast(rows.schema[self.column], strict=False)
            case "nulls":
                broken = pl.lit(None, dtype=rows.schema[self.column])
            case _:
                broken = value.first()
        return rows.with_columns(
            pl.when(pl.col(visible_at) >= self.at).then(broken).otherwise(value).alias(self.column)
        )


def parse_injected_fault(text: str) -> InjectedFault:
    """The fault that a text names.  Raises: UnreadableFault PRJ-060.

    >>> parse_injected_fault("unit-change:dep_delay@2013-11-15").factor
    60.0
    """
    match = _FAULT.fullmatch(text)
    if match is None:
        raise UnreadableFault(text=text, reason="it has another form")
    return InjectedFault(
        match["kind"],
        match["column"],
        float(match["factor"] or _MINUTES_TO_SECONDS),
        parse_instant(match["at"]),
    )
