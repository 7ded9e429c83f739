"""Verdicts as lines: ✓ or ✗, the gate, and its summary."""

from collections.abc import Sequence

from mainspring.app.cli.paint import Paint, columns
from mainspring.gates.verdict import Verdict

__all__ = ["verdict_lines"]


def verdict_lines(verdicts: Sequence[Verdict], paint: Paint) -> list[str]:
    """One line for each verdict, in their order."""
    return (
        columns(
            [[paint.mark(verdict.passed), verdict.gate, verdict.summary] for verdict in verdicts]
        )
        if verdicts
        else []
    )
