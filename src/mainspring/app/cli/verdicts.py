"""Verdicts as lines: ✓ or ✗, the gate, and its sentence."""

from collections.abc import Sequence

from mainspring.app.cli.paint import Paint, columns
from mainspring.gates.verdict import Verdict

__all__ = ["verdict_lines"]


def verdict_lines(verdicts: Sequence[Verdict], paint: Paint) -> list[str]:
    """One line for each verdict, in the order in which they were given."""
    return (
        columns(
            [[paint.mark(verdict.passed), verdict.gate, verdict.summary] for verdict in verdicts]
        )
        if verdicts
        else []
    )
