"""The commands about revisions that take over."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.paint import Paint, bar, columns, counted
from mainspring.elements.time import format_duration, format_instant

if TYPE_CHECKING:
    from mainspring.serving.rollouts.steer import RolloutReport, RolloutSteering

__all__ = ["report_lines", "rollout"]


@click.group()
def rollout() -> None:
    """Show, pause, resume, promote and abort roll-outs."""


@rollout.command("status", cls=WorkspaceVerb)
@click.argument("endpoint", required=False)
@click.pass_obj
def show(at: Invocation, endpoint: str | None) -> None:
    """Show which revisions answer, their shares, and what the rules say of them."""
    found = at.open().rollouts.reports()
    shown = [each for each in found if endpoint in (None, each.endpoint)]
    if endpoint is not None and not shown:
        from mainspring.serving.errors import UnknownEndpoint

        known = ", ".join(each.endpoint for each in found) or "none"
        raise UnknownEndpoint(endpoint=endpoint, environment=at.environment, known=known)
    at.answer(shown, lambda paint: report_lines(shown, paint))


def _verb(
    name: str, act: "Callable[[RolloutSteering, str], RolloutReport]", description: str
) -> None:
    @rollout.command(name, cls=WorkspaceVerb, help=description)
    @click.argument("endpoint")
    @click.pass_obj
    def command(at: Invocation, endpoint: str) -> None:
        report = act(at.open().rollouts, endpoint)
        at.answer(report, lambda paint: report_lines([report], paint))


_verb(
    "pause",
    lambda steering, endpoint: steering.pause(endpoint),
    "Hold the shares of ENDPOINT as they are.",
)
_verb(
    "resume",
    lambda steering, endpoint: steering.resume(endpoint),
    "Go on with a step that was paused, from its beginning.",
)
_verb(
    "promote",
    lambda steering, endpoint: steering.promote(endpoint),
    "Put the candidate of ENDPOINT in charge now.",
)
_verb(
    "abort",
    lambda steering, endpoint: steering.abort(endpoint),
    "Take the candidate of ENDPOINT back; it is not tried again.",
)


def report_lines(reports: "Sequence[RolloutReport]", paint: Paint) -> Iterator[str]:
    """How each stands."""
    if not reports:
        yield "There are no endpoints; apply a project that declares one."
    for report in reports:
        yield paint.title(f"{report.endpoint}: {report.phase}") + (
            paint.quiet(f"  {report.reason}") if report.reason else ""
        )
        yield from columns([*_revisions(report), *_steps(report)])
        yield from (f"  {finding}" for finding in report.findings)


def _revisions(report: "RolloutReport") -> Iterator[list[str]]:
    served = counted(report.answered.rows, "row")
    share = 100 - report.share if report.candidate else 100
    named = [report.stable or "nothing", report.stable_model]
    yield ["in charge", *named, bar(share, 100), f"{share} %", served]
    if report.candidate:
        rows = counted(report.by_candidate.rows, "row")
        named = [report.candidate, report.candidate_model]
        yield ["candidate", *named, bar(report.share, 100), f"{report.share} %", rows]


def _steps(report: "RolloutReport") -> Iterator[list[str]]:
    if not report.candidate:
        return
    steps = " → ".join(f"{each} %" for each in report.steps) or report.kind
    held = f"each {format_duration(report.hold)}" if report.hold else ""
    yield ["steps", steps, "", held, "since", f"{format_instant(report.since)[:19]}Z"]
