"""The commands that plan, change and show an environment."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import Invocation, WorkspaceVerb, trust_option
from mainspring.app.cli.paint import Paint, columns, counted
from mainspring.app.cli.verdicts import verdict_lines
from mainspring.elements.identity import short
from mainspring.elements.time import format_instant
from mainspring.features.compile_kernels import begin_in_background

if TYPE_CHECKING:
    from mainspring.app.workspace import Workspace
    from mainspring.govern.status import MonitorStatus, StatusReport
    from mainspring.monitoring.incident import Incident
    from mainspring.project.apply.perform import ApplyReport
    from mainspring.project.plan.plan import Plan
    from mainspring.registry.environment import EnvironmentVersion
    from mainspring.serving.rollouts.awaited import AwaitedRollout

__all__ = [
    "apply",
    "apply_lines",
    "approve",
    "plan",
    "promote",
    "rollback",
    "run",
    "status",
    "status_lines",
]

_MOST_SUBJECTS = 10


@click.command(cls=WorkspaceVerb)
@click.option(
    "--data", is_flag=True, help="Read files that changed, and say what becomes of their rows."
)
@click.pass_obj
def plan(at: Invocation, data: bool) -> None:
    """Show what apply would change, run and cost.

    Nothing is changed.  If the environment already holds what is declared, the plan is empty but
    for the files that changed since they were read.
    """
    from mainspring.app.planning import plan_project
    from mainspring.project.plan.explain import render_plan
    from mainspring.project.plan.read import DataChoices

    begin_in_background(at.note)
    made = plan_project(at.project, at.environment, DataChoices(measures=data))
    at.answer(made, lambda paint: [render_plan(made, colour=paint.colour)])
    if made.work:
        at.note("\nApply it: mainspring apply")


_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Show the plan and change nothing (with --json as a document)."
)


@click.command(cls=WorkspaceVerb)
@_DRY_RUN
@click.option("--no-data", is_flag=True, help="Leave files that changed as they were read.")
@click.option(
    "--delete-missing", is_flag=True, help="Delete the rows that a file had and has no more."
)
@click.option(
    "--refresh",
    multiple=True,
    metavar="SOURCE",
    help="Read the file of a source anew, in place of all that was read of it; may be repeated.",
)
@click.pass_obj
def apply(
    at: Invocation, refresh: tuple[str, ...], *, dry_run: bool, no_data: bool, delete_missing: bool
) -> None:
    """Build what is declared, judge it by its gates, and deploy it.

    Files that changed since they were read are read again: new rows are added, rows with other
    values replaced, and rows that are gone stay.  If it is interrupted, run it again: finished
    stages are not repeated.  Exit code 1 when a gate fails; the environment then stays as it was.
    """
    begin_in_background(at.note)
    workspace = at.open()
    made = workspace.plan(data=not no_data, delete_missing=delete_missing, refresh=refresh)
    if dry_run:
        _answer_plan(at, made)
    elif not made.stages:
        _answer_plan(at, made)
        if not workspace.config.protected and (noted := workspace.deployer.record_notes()):
            at.note(f"The notes of {', '.join(noted)} are on record.")
    else:
        _answer_applied(at, workspace, made)


@click.command(cls=WorkspaceVerb)
@click.argument("name", metavar="MODEL")
@_DRY_RUN
@click.pass_obj
def run(at: Invocation, name: str, dry_run: bool) -> None:
    """Retrain a model on the present data.

    The definition stays as it is; the new version is deployed only if it passes its gates.
    """
    workspace = at.open()
    made = workspace.plan_run(name)
    if dry_run:
        _answer_plan(at, made)
    else:
        _answer_applied(at, workspace, made)


@click.command(cls=WorkspaceVerb)
@click.argument("environments", nargs=-1, required=True, metavar="[FROM] TO")
@click.option(
    "--version",
    default="",
    metavar="VERSION",
    help="Deploy only this model version, such as late_arrival@v3, if it is proven there.",
)
@_DRY_RUN
@click.pass_obj
def promote(at: Invocation, environments: tuple[str, ...], version: str, dry_run: bool) -> None:
    """Promote what one environment holds to another one.

    Pointers move and nothing is copied.  Models are judged by their gates for the target, and are
    refused if an attestation that the target requires is missing.
    """
    if len(environments) > 2:
        raise click.UsageError("name one or two environments: [FROM] TO")
    source, target = environments if len(environments) == 2 else (at.environment, environments[0])
    workspace = at.open(target if version else source)
    made = workspace.plan_pointing(version) if version else workspace.plan_promotion(target)
    if dry_run:
        _answer_plan(at, made)
    elif version:
        pointed = workspace.point_at(version)
        done = f"{version} deployed"
        at.answer(
            pointed,
            lambda paint: [
                *_rollout_lines(made.rollouts, paint),
                *_map_lines(pointed, done, paint),
            ],
        )
    else:
        report = workspace.apply(made)
        at.answer(report, lambda paint: apply_lines(report, paint))


@click.command(cls=WorkspaceVerb)
@_DRY_RUN
@click.pass_obj
def rollback(at: Invocation, dry_run: bool) -> None:
    """Restore the environment's previous version.

    A running server follows within a second, and no request fails in between.  A second rollback
    goes back one version further.
    """
    workspace = at.open()
    if dry_run:
        _answer_plan(at, workspace.plan_rollback())
        return
    restored = workspace.rollback()
    at.answer(restored, lambda paint: _map_lines(restored, "rolled back", paint))


@click.command(cls=WorkspaceVerb)
@click.argument("model")
@click.argument("target", metavar="FOR")
@click.pass_obj
def approve(at: Invocation, model: str, target: str) -> None:
    """Approve a model version for an environment (not your own).

    MODEL is a model that --env holds; FOR is the environment that it may go to.
    """
    signed = at.open().approve(model, target)
    at.answer(
        {"model": model, "environment": target, "attestation": signed},
        lambda paint: [f"{paint.mark(True)} {model} is approved for {target}"],
    )


@click.command(cls=WorkspaceVerb)
@trust_option
@click.pass_obj
def status(at: Invocation, trust: Path | None) -> None:
    """Show endpoints, sources and open incidents."""
    report = at.open(trust=trust).status()
    at.answer(report, lambda paint: status_lines(report, paint))


def _answer_plan(at: Invocation, made: "Plan") -> None:
    from mainspring.project.plan.explain import render_plan

    at.answer(made, lambda paint: [render_plan(made, colour=paint.colour)])


def _answer_applied(at: Invocation, workspace: "Workspace", made: "Plan") -> None:
    follow = at.follow(stages=len(made.work))
    report = workspace.apply(made, observer=follow, progress=follow.on_progress)
    at.answer(report, lambda paint: apply_lines(report, paint))


def apply_lines(report: "ApplyReport", paint: Paint) -> Iterator[str]:
    """What an apply did: the verdicts, and the version of the environment."""
    if report.verdicts:
        yield paint.title("Verdicts")
        yield from verdict_lines(report.verdicts, paint)
    if report.models:
        yield paint.title("Models")
        yield from report.model_lines()
    yield from _rollout_lines(report.rollouts, paint)
    done = [f"{counted(report.performed, 'stage')} done"] if report.performed else []
    done += [f"{report.reused} reused"] if report.reused else []
    summary = f": {', '.join(done)}" if done else ""
    sign, stands = (
        (paint.mark(True), "is now at") if report.moved else (paint.quiet("·"), "stays at")
    )
    yield (
        f"{sign} {paint.name(report.environment)} {stands} version {report.version}{summary}  "
        f"{paint.quiet(report.run)}"
    ).rstrip()


def status_lines(report: "StatusReport", paint: Paint) -> Iterator[str]:
    """What an environment holds, and what is wrong in it."""
    if not report.version:
        yield f"{paint.name(report.environment)} is empty.  Deploy to it: mainspring apply"
        return
    yield f"{paint.title(report.environment)} is at version {report.version}"
    yield paint.quiet(
        f"  moved {format_instant(report.moved_at)} by {report.moved_by}: {report.reason}"
    )
    rows = [
        [e.name, e.model, short(e.digest), e.proof, f"log: {e.log}", str(e.notes)]
        for e in report.endpoints
    ]
    yield from _block("Endpoints", rows, paint)
    taking_over = [[e.name, e.model, e.rollout] for e in report.endpoints if e.rollout]
    yield from _block("Roll-outs (mainspring rollout status)", taking_over, paint)
    sets = [
        [each.name, counted(each.features, "feature"), ", ".join(each.views), str(each.notes)]
        for each in report.feature_sets
    ]
    yield from _block("Feature sets", sets, paint)
    sources = [
        [
            s.name,
            counted(s.rows, "row"),
            _quarantined(s.quarantined),
            f"last event {_moment(s.last_event_time)}",
            str(s.notes),
        ]
        for s in report.sources
    ]
    yield from _block("Sources", sources, paint, right=(1, 2))
    yield from _block("Monitors", [*_monitor_rows(report.monitors)], paint)
    incidents = [row for incident in report.incidents for row in _incident_rows(incident)]
    yield from _block(
        "Open incidents", [[paint.warn(cell) for cell in row] for row in incidents], paint
    )


def _monitor_rows(monitors: Sequence["MonitorStatus"]) -> Iterator[Sequence[str]]:
    """A line for each monitor, and one for each reason for which something was not judged."""
    for monitor in monitors:
        summary = monitor.summary
        if summary is None:
            yield monitor.name, "has not judged a window yet"
            continue
        judged = counted(summary.judged, "subject")
        yield (
            monitor.name,
            f"until {_moment(monitor.until)}: {counted(summary.predictions, 'prediction')}, "
            f"{judged} judged",
        )
        yield from (("", f"not judged: {each.words}") for each in summary.unjudged)


def _incident_rows(incident: "Incident") -> Iterator[Sequence[str]]:
    """A line for each subject, the newest first: whoever looks again sees what is new."""
    newest = sorted(incident.present, key=lambda each: (-each.joined_at, -each.excess, each.name))
    shown = newest[:_MOST_SUBJECTS]
    # Of an incident that release 0.1 wrote all subjects share one sentence.
    yield from dict.fromkeys((format_instant(each.joined_at)[:10], each.sentence) for each in shown)
    if len(newest) > _MOST_SUBJECTS:
        names = ", ".join(subject.name for subject in newest[_MOST_SUBJECTS:])
        yield "", f"and {len(newest) - _MOST_SUBJECTS:,} more of {incident.kind}: {names}"


def _block(
    title: str, rows: Sequence[Sequence[str]], paint: Paint, *, right: Sequence[int] = ()
) -> Iterator[str]:
    if rows:
        yield ""
        yield paint.title(title)
        yield from columns(rows, right=right)


def _quarantined(rows: int) -> str:
    return f"{rows:,} in quarantine" if rows else ""


def _moment(at: int | None) -> str:
    return format_instant(at) if at is not None else "never"


def _rollout_lines(rollouts: "Sequence[AwaitedRollout]", paint: Paint) -> Iterator[str]:
    """Which revisions take over step by step, and how to follow them."""
    if rollouts:
        yield paint.title("Roll-outs")
    for each in rollouts:
        yield f"  {each}; as soon as a server has it"
        yield f"  follow it: mainspring rollout status {each.endpoint}"


def _map_lines(moved: "EnvironmentVersion", done: str, paint: Paint) -> Iterator[str]:
    models = [
        [pointer.asset, short(pointer.build_digest)]
        for pointer in moved.pointers.values()
        if pointer.kind == "model"
    ]
    yield (
        f"{paint.mark(True)} {paint.name(moved.environment)} is at version {moved.version}: {done}"
    )
    yield from columns(models) if models else []
