"""The commands about runs: what was done, step by step, and ending what is under way."""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import Invocation, WorkspaceGroup, WorkspaceVerb
from mainspring.app.cli.output import colours_of, write_answer
from mainspring.app.cli.paint import Paint, bar, columns, counted, format_seconds
from mainspring.elements.time import SECOND, Micros, format_instant

if TYPE_CHECKING:
    from mainspring.elements.events import EventValue, Recorded
    from mainspring.flow.history import RunHistory, RunReport, StepReport
    from mainspring.flow.run import Run

__all__ = ["event_lines", "run_lines", "runs", "runs_lines"]

_SHOWN = 20
_PERIOD_S = 0.5
_CLEAR = "\x1b[H\x1b[2J"
_RUNNING = "running"
_SIGNS: Mapping[str, str] = {
    "finished": "✓",
    "reused": "·",
    "failed": "✗",
    "running": "…",
    "waiting": " ",
    "not run": " ",
}
_RUN = click.argument("run", default="last")
_REPEATED = ("kind", "subject", "run")


@click.group(cls=WorkspaceGroup, invoke_without_command=True)
@click.option(
    "--last",
    default=_SHOWN,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="How many runs, the newest last.",
)
@click.pass_context
def runs(ctx: click.Context, last: int) -> None:
    """Show runs step by step, follow one, or cancel it.

    A run is what apply, run, promote or rollback does.  RUN is the id of a run, the beginning
    of one, or `last`.
    """
    if ctx.invoked_subcommand is None:
        at = ctx.ensure_object(Invocation)
        found = at.open().runs.runs()
        shown = found[-last:]
        at.answer(shown, lambda paint: runs_lines(shown, len(found), paint))


@runs.command("show", cls=WorkspaceVerb)
@_RUN
@click.option("--follow", "-f", is_flag=True, help="Show it until it ends.")
@click.pass_obj
def show(at: Invocation, run: str, *, follow: bool) -> None:
    """Show every step of a run: how it stands, its attempts, rows and seconds."""
    history = at.open().runs
    report = history.report(run)
    in_place = sys.stdout.isatty() and not at.as_json
    while follow and report.state == _RUNNING:
        if in_place:
            sys.stdout.write(_CLEAR)
            write_answer(report, run_lines(report, colours_of(sys.stdout)), as_json=False)
        time.sleep(_PERIOD_S)
        report = history.report(report.id)
    if follow and in_place:
        sys.stdout.write(_CLEAR)
    at.answer(report, lambda paint: run_lines(report, paint))


@runs.command("logs", cls=WorkspaceVerb)
@_RUN
@click.option("--follow", "-f", is_flag=True, help="Go on until it ends.")
@click.pass_obj
def logs(at: Invocation, run: str, *, follow: bool) -> None:
    """Show what happened in a run, one line an event."""
    history = at.open().runs
    report = history.report(run)
    for events in _looks(history, report.id, follow=follow):
        if at.as_json:
            for event in events:
                write_answer(event, (), as_json=True)
        else:
            for line in event_lines(events, colours_of(sys.stdout)):
                click.echo(line)


@runs.command("cancel", cls=WorkspaceVerb)
@click.argument("run")
@click.pass_obj
def cancel(at: Invocation, run: str) -> None:
    """End a run before its next step.

    The step under way is finished first, and what is finished is kept: the command that was
    cancelled goes on from there when it is given again.
    """
    report = at.open().runs.cancel(run)
    at.answer(report, lambda paint: [f"{paint.mark(True)} {report.id} ends before its next step"])


def _looks(history: "RunHistory", run: str, *, follow: bool) -> Iterator[list["Recorded"]]:
    """What has happened since the last look, until the run has ended."""
    after, is_over = 0, False
    while not is_over:
        # In this order: what happens between the two is seen by the next look.
        is_over = not follow or history.report(run).state != _RUNNING
        found = history.events(run, after=after)
        yield found
        if found:
            after = found[-1].sequence
        if not is_over:
            time.sleep(_PERIOD_S)


def runs_lines(shown: "Sequence[Run]", count: int, paint: Paint) -> Iterator[str]:
    """One line a run."""
    if not shown:
        yield "There are no runs yet: mainspring apply"
        return
    rows = [
        [
            each.id,
            _stated(_state_of(each), paint),
            each.environment,
            each.actor,
            format_instant(each.started_at)[:19] + "Z",
            _taken(each.started_at, each.ended_at),
            f"{len(each.performed)} of {counted(len(each.steps), 'step')}",
        ]
        for each in shown
    ]
    yield from columns(rows)
    if len(shown) < count:
        yield paint.quiet(f"  {counted(count - len(shown), 'earlier run')} not shown (--last)")


def run_lines(report: "RunReport", paint: Paint) -> Iterator[str]:
    """The run, its progress, and its steps with what they wait for."""
    yield paint.title(report.id) + f"  {_stated(report.state, paint)}"
    taken = _taken(report.started_at, report.ended_at)
    done = f"{bar(report.done, len(report.steps))}  " if report.steps else ""
    yield from columns(
        [
            ["of", f"{report.resource} by {report.actor}"],
            ["since", f"{format_instant(report.started_at)}  {taken}".rstrip()],
            ["steps", f"{done}{report.done} of {len(report.steps)}"],
        ]
    )
    if report.steps:
        yield ""
    yield from columns([_step_row(step, report, paint) for step in report.steps])
    if report.fault is not None:
        yield ""
        yield f"  {paint.bad(report.fault.code)} {report.fault.message}"
    elif report.cancelled_by is not None and report.state == _RUNNING:
        yield f"  {report.cancelled_by} has cancelled it: it ends before its next step"


def _step_row(step: "StepReport", report: "RunReport", paint: Paint) -> list[str]:
    places = {each.identity: place for place, each in enumerate(report.steps, 1)}
    needs = [str(places[each]) for each in step.depends_on if each in places]
    sign = _SIGNS[step.state]
    coloured = {"finished": paint.good, "failed": paint.bad}.get(step.state, paint.quiet)
    return [
        f"{places[step.identity]}",
        coloured(sign),
        step.kind.replace("_", " ") or step.identity[:12],
        step.subject,
        step.state,
        format_seconds(step.wall_s) if step.state in ("finished", "reused") else "",
        f"{step.rows:,} rows" if step.rows else "",
        f"{step.attempts} attempts" if step.attempts > 1 else "",
        paint.quiet(f"after {', '.join(needs)}") if needs else "",
    ]


def event_lines(events: "Iterable[Recorded]", paint: Paint) -> Iterator[str]:
    """When, what, of what, and the facts."""
    for recorded in events:
        event = recorded.event
        kind, subject = (event.facts.get(name, "") for name in ("kind", "subject"))
        about = f"{kind} of {subject}".replace("_", " ") if subject else ""
        facts = ", ".join(
            f"{name} {_shown(value)}"
            for name, value in event.facts.items()
            if name not in _REPEATED and value not in ("", None)
        )
        at = paint.quiet(format_instant(event.at))
        yield "  ".join(filter(None, [at, event.kind, about, facts]))


def _shown(value: "EventValue") -> str:
    return f"{value:.3f}" if isinstance(value, float) else f"{value}"


def _stated(state: str, paint: Paint) -> str:
    if state == "finished":
        return paint.good(state)
    return paint.warn(state) if state == _RUNNING else paint.bad(state)


def _state_of(run: "Run") -> str:
    from mainspring.flow.history import state_of

    return state_of(run)


def _taken(started_at: Micros, ended_at: Micros | None) -> str:
    return "" if ended_at is None else format_seconds((ended_at - started_at) / SECOND)
