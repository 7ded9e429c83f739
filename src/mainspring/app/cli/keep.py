"""The commands that keep what there is: tidy it up, copy it, bring it back."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.paint import Paint, columns, counted, size
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from mainspring.app.backup import BackupReport
    from mainspring.app.restore import RestoreReport

__all__ = ["backup", "backup_lines", "restore", "restore_lines"]

_SECRETS = "private keys and the owner's token"


@click.command(cls=WorkspaceVerb)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--secrets", is_flag=True, help="Carry private keys and the owner's token, too.")
@click.pass_obj
def backup(at: Invocation, path: Path, *, secrets: bool) -> None:
    """Copy state, log and objects as one consistent whole.

    PATH is a folder that does not exist yet.  Servers and writers go on meanwhile.  Without --secrets a restored project makes new keys: what the old
    ones signed counts where project.toml trusts them.
    """
    report = at.open().backup(path, secrets=secrets)
    at.answer(report, lambda paint: backup_lines(report, paint))


@click.command(cls=WorkspaceVerb)
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--digest", default="", metavar="DIGEST", help="What backup said; shows that nobody exchanged the whole.")
@click.pass_obj
def restore(at: Invocation, path: Path, *, digest: str) -> None:
    """Bring a backup back, into a project that has no state.

    Every file is checked before anything is touched; a wrong, cut off or changed backup is refused.  Online state and tables are folded again from the
    log when they are needed.
    """
    from mainspring.app.door import Workspace

    report = Workspace.restore(at.project, path, actor=at.actor, digest=digest)
    at.answer(report, lambda paint: restore_lines(report, paint))


def backup_lines(report: "BackupReport", paint: Paint) -> Iterator[str]:
    """What was written, and what to keep elsewhere."""
    records = sum(report.cut.heads.values())
    yield f"{paint.mark(True)} {paint.name(report.path)} holds {counted(report.files, 'file')}, {size(report.size_bytes)}"
    rows = [
        ["log", f"{counted(records, 'record')} in {counted(len(report.cut.heads), 'topic')}"],
        ["journal", f"up to event {report.cut.journal:,}"],
        ["secrets", f"{_SECRETS} are in it: keep it as you keep those" if report.secrets else f"{_SECRETS} are not in it"],
        ["digest", f"{report.digest}  {paint.quiet('kept elsewhere, it shows that nobody exchanged the whole')}"],
    ]
    yield from columns(rows)
    yield from _damaged_lines(report.damaged, paint)


def restore_lines(report: "RestoreReport", paint: Paint) -> Iterator[str]:
    """What was restored."""
    records = sum(report.cut.heads.values())
    yield f"{paint.mark(True)} {paint.name(report.project)} is as it was on {format_instant(report.made_at)}, when {report.made_by} copied it"
    rows = [
        ["log", f"{counted(records, 'record')} in {counted(len(report.cut.heads), 'topic')}"],
        ["journal", f"up to event {report.cut.journal:,}"],
        ["secrets", f"{_SECRETS} came with it" if report.secrets else f"{_SECRETS} are made anew when they are needed"],
    ]
    yield from columns(rows)
    yield from _damaged_lines(report.damaged, paint)


def _damaged_lines(damaged: tuple[str, ...], paint: Paint) -> Iterator[str]:
    if damaged:
        yield paint.warn(f"  {counted(len(damaged), 'object')} could not be carried, for their bytes were damaged already:")
        yield from (f"    {digest}" for digest in damaged)
