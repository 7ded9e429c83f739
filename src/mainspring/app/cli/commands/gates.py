"""The commands about gates: judge again, and sign new statements."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.paint import Paint
from mainspring.app.cli.verdicts import verdict_lines
from mainspring.elements.identity import short
from mainspring.elements.time import parse_duration

if TYPE_CHECKING:
    from mainspring.project.renew import RenewalPlan, RenewalReport, RenewedModel

__all__ = ["gates", "renewal_lines", "renewal_plan_lines"]


@click.group()
def gates() -> None:
    """Judge again, and sign anew, what an environment serves."""


@gates.command(cls=WorkspaceVerb)
@click.option(
    "--all-retained", is_flag=True, help="Also the earlier versions that a rollback can lead to."
)
@click.option(
    "--within",
    default="",
    metavar="TIME",
    help="Only what is not proven for longer than that, such as 14d.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be judged, and do nothing.")
@click.pass_obj
def renew(at: Invocation, *, all_retained: bool, within: str, dry_run: bool) -> int:
    """Judge every model of an environment again, and sign new statements.

    Statements count for 90 days; renew them before they run out, or before servers are upgraded to
    a release that asks for more.  Nothing moves.  Exit code 1 when a gate fails, or when the
    environment still misses something, such as an approval.  With --within 14d it can be scheduled
    every day: where nothing is due, nothing is done, with exit code 0.
    """
    renewal, due = at.open().gate_renewal, parse_duration(within) if within else None
    if dry_run:
        plan = renewal.plan(all_retained=all_retained, within=due)
        at.answer(plan, lambda paint: renewal_plan_lines(plan, paint))
        return 0
    report = renewal.renew(all_retained=all_retained, within=due)
    at.answer(report, lambda paint: renewal_lines(report, paint))
    return 0 if report.is_proven else EXIT_REFUSED


def renewal_plan_lines(plan: "RenewalPlan", paint: Paint) -> Iterator[str]:
    """What would be judged."""
    if not plan.models:
        yield f"{paint.name(plan.environment)} holds no model to judge"
    for model in plan.models:
        against = f"champion {short(model.champion)}" if model.champion else "the base rate"
        yield f"{paint.name(model.model)} would be judged against {against}"
        yield f"  {', '.join(model.gates)}"
    if plan.unsigned:
        yield f"a release of {_versions(plan.unsigned)} would be signed: none is on file"


def renewal_lines(report: "RenewalReport", paint: Paint) -> Iterator[str]:
    """The verdicts on each model, and whether the environment takes it."""
    if not report.models:
        yield f"{paint.name(report.environment)} holds no model to judge"
    for model in report.models:
        yield paint.title(model.model)
        yield from verdict_lines(model.verdicts, paint)
        yield _outcome(model, report.environment, paint)
    if report.released:
        yield f"{paint.mark(True)} a release of {_versions(report.released)} is signed"


def _versions(numbers: Sequence[int]) -> str:
    """`version 3`, or `versions 2, 3`."""
    return f"version{'s' * (len(numbers) > 1)} {', '.join(map(str, sorted(numbers)))}"


def _outcome(model: "RenewedModel", environment: str, paint: Paint) -> str:
    if model.is_proven:
        return f"{paint.mark(True)} {model.model} is proven for {paint.name(environment)}"
    missing = "; ".join(model.unproven) or "a gate failed"
    return f"{paint.mark(False)} {model.model} is not proven for {environment}: {missing}"
