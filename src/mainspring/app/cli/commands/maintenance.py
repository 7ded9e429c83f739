"""The commands of maintenance: collect garbage, back up, restore."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.paint import Paint, columns, counted, format_size
from mainspring.elements.time import format_instant, parse_duration

if TYPE_CHECKING:
    from mainspring.maintenance.backup import BackupReport
    from mainspring.maintenance.collect import GcReport
    from mainspring.maintenance.garbage import GcPlan
    from mainspring.maintenance.restore import RestoreReport

__all__ = ["backup", "backup_lines", "gc", "gc_lines", "gc_plan_lines", "restore", "restore_lines"]

_SECRETS = "private keys and the owner's token"


@click.command(cls=WorkspaceVerb)
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--grace",
    default="24h",
    show_default=True,
    metavar="TIME",
    help="For how long nothing must reference an object before it is removed.",
)
@click.pass_obj
def gc(at: Invocation, *, only_plan: bool, grace: str) -> None:
    """Remove what nothing needs any more.

    Trims the log where a source or an endpoint has a retention, drops online state that no recent
    version of an environment uses, removes objects that nothing references, and joins what many
    small writes left in small pieces.  It says first what goes and what can no longer be done
    without it.
    """
    collector = at.open().garbage_collector
    made = collector.plan(parse_duration(grace))
    if only_plan:
        at.answer(made, lambda paint: gc_plan_lines(made, paint))
        return
    if not at.as_json:
        at.answer(made, lambda paint: gc_plan_lines(made, paint))
    report = collector.collect(made)
    at.answer(report, lambda paint: gc_lines(report, paint))


@click.command(cls=WorkspaceVerb)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--secrets", is_flag=True, help="Carry private keys and the owner's token, too.")
@click.pass_obj
def backup(at: Invocation, path: Path, *, secrets: bool) -> None:
    """Copy state, log and objects as one consistent whole.

    PATH is a folder that does not exist yet.  Servers and writers go on meanwhile.  Without
    --secrets a restored project makes new keys: what the old ones signed counts where project.toml
    trusts them.
    """
    report = at.open().backup(path, secrets=secrets)
    at.answer(report, lambda paint: backup_lines(report, paint))


@click.command(cls=WorkspaceVerb)
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--digest",
    default="",
    metavar="DIGEST",
    help="What backup said; shows that nobody exchanged the whole.",
)
@click.pass_obj
def restore(at: Invocation, path: Path, *, digest: str) -> None:
    """Bring a backup back, into a project that has no state.

    Every file is checked before anything is touched; a wrong, cut off or changed backup is refused.
    Online state and tables are folded again from the log when they are needed.
    """
    from mainspring.app.workspace import Workspace

    report = Workspace.restore(at.project, path, actor=at.actor, digest=digest)
    at.answer(report, lambda paint: restore_lines(report, paint))


def gc_plan_lines(plan: "GcPlan", paint: Paint) -> Iterator[str]:
    """What goes, and what goes with it."""
    from mainspring.maintenance.garbage import render_gc_plan

    lines = render_gc_plan(plan)
    yield (
        paint.title(f"To do in {plan.project}")
        if lines
        else f"Nothing to do: {plan.project} holds nothing that nobody needs."
    )
    yield from (f"  {paint.warn(line)}" if line.startswith("  ") else f"  {line}" for line in lines)


def gc_lines(report: "GcReport", paint: Paint) -> Iterator[str]:
    """What was done."""
    counts = [
        (report.trimmed, "record", "trimmed"),
        (report.shards, "shard", "dropped"),
        (report.objects, "object", "removed"),
        (report.marked, "object", "marked"),
        (report.leftovers, "leftover", "removed"),
        (report.joined, "small batch", "joined"),
        (report.files, "file", "deleted"),
    ]
    done = [
        f"{counted(count, noun).replace('batchs', 'batches')} {verb}"
        for count, noun, verb in counts
        if count
    ]
    yield f"{paint.mark(True)} {', '.join(done) or 'nothing had to go'}"
    if report.passed_over:
        yield paint.quiet(
            f"  {counted(report.passed_over, 'step')} passed over, for something needed it by then"
        )


def backup_lines(report: "BackupReport", paint: Paint) -> Iterator[str]:
    """What was written, and what to keep elsewhere."""
    records = sum(report.cut.heads.values())
    yield (
        f"{paint.mark(True)} {paint.name(report.path)} holds "
        f"{counted(report.files, 'file')}, {format_size(report.size_bytes)}"
    )
    rows = [
        ["log", f"{counted(records, 'record')} in {counted(len(report.cut.heads), 'topic')}"],
        ["journal", f"up to event {report.cut.journal:,}"],
        [
            "secrets",
            f"{_SECRETS} are in it: keep it as you keep those"
            if report.secrets
            else f"{_SECRETS} are not in it",
        ],
        [
            "digest",
            (
                f"{report.digest}  "
                f"{paint.quiet('kept elsewhere, it shows that nobody exchanged the whole')}"
            ),
        ],
    ]
    yield from columns(rows)
    yield from _damaged_lines(report.damaged, paint)


def restore_lines(report: "RestoreReport", paint: Paint) -> Iterator[str]:
    """What was restored."""
    records = sum(report.cut.heads.values())
    yield (
        f"{paint.mark(True)} {paint.name(report.project)} is as it was on "
        f"{format_instant(report.made_at)}, when {report.made_by} copied it"
    )
    rows = [
        ["log", f"{counted(records, 'record')} in {counted(len(report.cut.heads), 'topic')}"],
        ["journal", f"up to event {report.cut.journal:,}"],
        [
            "secrets",
            f"{_SECRETS} came with it"
            if report.secrets
            else f"{_SECRETS} are made anew when they are needed",
        ],
    ]
    yield from columns(rows)
    yield from _damaged_lines(report.damaged, paint)


def _damaged_lines(damaged: tuple[str, ...], paint: Paint) -> Iterator[str]:
    if damaged:
        yield paint.warn(
            f"  {counted(len(damaged), 'object')} could not be carried, for their bytes "
            f"were damaged already:"
        )
        yield from (f"    {digest}" for digest in damaged)
