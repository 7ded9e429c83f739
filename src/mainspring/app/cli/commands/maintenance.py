"""The commands for maintenance: garbage collection, backup and restore."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import GivenPath, Invocation, WorkspaceVerb
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
@click.option(
    "--plan", "only_plan", is_flag=True, help="Show what would be removed, and remove nothing."
)
@click.option(
    "--grace",
    default="24h",
    show_default=True,
    metavar="TIME",
    help="How long an object must have been unused before it is removed.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    help="Remove all rows of a source that is declared no more; may be given more than once.",
)
@click.pass_obj
def gc(at: Invocation, *, only_plan: bool, grace: str, sources: tuple[str, ...]) -> None:
    """Remove records, state and objects that are not needed any more.

    It trims the log where a source or an endpoint declares a retention, drops online state that no
    recent version of an environment uses, removes objects that nothing refers to, and merges the
    small files of many small writes.  It prints first what will be removed, and what cannot be done
    any more without it.
    """
    collector = at.open().garbage_collector
    made = collector.plan(parse_duration(grace), sources=sources)
    if only_plan:
        at.answer(made, lambda paint: gc_plan_lines(made, paint))
        return
    if not at.as_json:
        at.answer(made, lambda paint: gc_plan_lines(made, paint))
    report = collector.collect(made)
    at.answer(report, lambda paint: gc_lines(report, paint))


@click.command(cls=WorkspaceVerb)
@click.argument("path", type=GivenPath())
@click.option("--secrets", is_flag=True, help="Also copy private keys and the owner's token.")
@click.pass_obj
def backup(at: Invocation, path: Path, *, secrets: bool) -> None:
    """Copy state, log and objects into one consistent backup.

    PATH is a folder that does not exist yet.  Servers and writers can go on meanwhile.  Without
    --secrets a restored project makes new keys; what the old keys signed is still valid where
    project.toml trusts them.
    """
    report = at.open().backup(path, secrets=secrets)
    at.answer(report, lambda paint: backup_lines(report, paint))


@click.command(cls=WorkspaceVerb)
@click.argument("path", type=GivenPath(exists=True, file_okay=False))
@click.option(
    "--digest",
    default="",
    metavar="DIGEST",
    help="The digest that backup printed; proves that the backup was not replaced.",
)
@click.option("--trust", multiple=True, metavar="KEY", help="A key that may have signed it.")
@click.pass_obj
def restore(at: Invocation, path: Path, *, digest: str, trust: tuple[str, ...]) -> None:
    """Restore a backup into a project that has no state.

    Signature and files are checked before anything is written; a truncated, changed or foreign
    backup is refused.  It must be signed by a tester in project.toml or the key given with --trust,
    or have the digest given with --digest.  Online state and tables are materialized from the log.
    """
    from mainspring.app.workspace import Workspace

    report = Workspace.restore(at.project, path, actor=at.actor, digest=digest, trust=trust)
    at.answer(report, lambda paint: restore_lines(report, paint))


def gc_plan_lines(plan: "GcPlan", paint: Paint) -> Iterator[str]:
    """What will be removed, and what cannot be done any more without it."""
    from mainspring.maintenance.garbage import render_gc_plan

    removals = render_gc_plan(plan)
    yield (
        paint.title(f"To do in {plan.project}")
        if removals
        else f"Nothing to do: everything in {plan.project} is still needed."
    )
    yield from (
        f"  {paint.warn(line)}" if line.startswith("  ") else f"  {line}" for line in removals
    )


def gc_lines(report: "GcReport", paint: Paint) -> Iterator[str]:
    """What was done."""
    counts = [
        (report.sources, "source", "removed"),
        (report.trimmed, "record", "trimmed"),
        (report.shards, "shard", "dropped"),
        (report.objects, "object", "removed"),
        (report.marked, "object", "marked"),
        (report.leftovers, "leftover", "removed"),
        (report.uploads, "upload", "removed"),
        (report.joined, "small batch", "joined"),
        (report.files, "file", "deleted"),
    ]
    done = [
        f"{counted(count, noun).replace('batchs', 'batches')} {verb}"
        for count, noun, verb in counts
        if count
    ]
    yield f"{paint.mark(True)} {', '.join(done) or 'nothing had to be removed'}"
    if report.passed_over:
        yield paint.quiet(
            f"  {counted(report.passed_over, 'step')} skipped, because it is needed again"
        )


def backup_lines(report: "BackupReport", paint: Paint) -> Iterator[str]:
    """What was written, and which digest to note."""
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
            f"{_SECRETS} are in it: protect it as you protect them"
            if report.secrets
            else f"{_SECRETS} are not in it",
        ],
        ["signed by", report.signed_by],
        [
            "digest",
            (
                f"{report.digest}  "
                f"{paint.quiet('note it elsewhere: it proves that the backup was not replaced')}"
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
            f"{_SECRETS} were restored"
            if report.secrets
            else f"{_SECRETS} are made again when they are needed",
        ],
    ]
    yield from columns(rows)
    yield from _damaged_lines(report.damaged, paint)


def _damaged_lines(damaged: tuple[str, ...], paint: Paint) -> Iterator[str]:
    if damaged:
        yield paint.warn(
            f"  {counted(len(damaged), 'object')} could not be copied, because their "
            f"bytes were damaged already:"
        )
        yield from (f"    {digest}" for digest in damaged)
