"""Does the model have an answer when features are missing, as they will be?"""

from collections.abc import Mapping
from typing import NamedTuple

from mainspring.gates.spec import FiniteScores
from mainspring.gates.verdict import GateFinding

__all__ = ["MissingReport", "check_finite_scores"]

_SHOWN = 3


class MissingReport(NamedTuple):
    """How a model scored rows from which features were taken away.

    Args:
        reasons: why a feature may be missing, by its name; of all that were taken away.
        unscored: those that leave rows without a finite score where they are missing alone.
        scores_all_missing: whether rows have one where all of them are missing.
    """

    reasons: Mapping[str, str]
    unscored: tuple[str, ...]
    scores_all_missing: bool


def check_finite_scores(gate: FiniteScores, report: MissingReport) -> GateFinding:
    """Whether there was a finite score, whatever was missing."""
    asked = len(report.reasons)
    passed = not report.unscored and report.scores_all_missing
    if passed:
        summary = (
            f"a finite score without each of {asked:,} features that can be null, and without all"
            if asked
            else "a feature is missing only where a request lacks it"
        )
        summary += f"; required: {', '.join(gate.required)}" if gate.required else ""
    elif report.unscored:
        named = [f"{name} ({report.reasons[name]})" for name in report.unscored[:_SHOWN]]
        more = len(report.unscored) - _SHOWN
        summary = (
            f"no finite score where a feature is missing: {', '.join(named)}"
            f"{f' and {more:,} more' if more > 0 else ''}; {_remedy(report.unscored)}"
        )
    else:
        names = tuple(report.reasons)
        summary = f"no finite score where all of {_listed(names)} are missing; {_remedy(names)}"
    return GateFinding(
        gate=gate.name,
        passed=passed,
        summary=summary,
        evidence={
            "features": asked,
            "unscored": list(report.unscored),
            "scores_all_missing": report.scores_all_missing,
            "required": ", ".join(gate.required),
        },
    )


def _remedy(names: tuple[str, ...]) -> str:
    return (
        "train a model that takes missing values (LightGBM, or SimpleImputer before a linear "
        f"one), or refuse such requests: ms.gates.finite_scores(required={list(names)!r})"
    )


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN:,} more"
