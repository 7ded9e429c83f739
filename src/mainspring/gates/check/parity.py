"""Are served features the trained ones?  Batch and online features are compared as bytes; the
one number allowed is zero.
"""

from mainspring.features.online.parity import ParityReport
from mainspring.gates.spec import Parity
from mainspring.gates.verdict import GateFinding

__all__ = ["check_parity_report"]


def check_parity_report(gate: Parity, report: ParityReport) -> GateFinding:
    """Whether not one value differs, and something was compared at all."""
    if report.rows == 0:
        summary = "no row was compared"
    elif report.differing:
        summary = (
            f"{report.differing:,} of {report.values:,} values differ between batch and "
            f"online, first {report.example}"
        )
    elif report.values == 0:
        summary = "no feature is read from online state, so there is none that could differ"
    else:
        summary = (
            f"{report.values:,} values of {report.rows:,} rows are the same bytes in batch "
            f"and online"
        )
    return GateFinding(
        gate=gate.name,
        passed=report.rows > 0 and report.differing == 0,
        summary=summary,
        evidence={
            "rows": report.rows,
            "values": report.values,
            "differing": report.differing,
            "example": report.example,
        },
    )
