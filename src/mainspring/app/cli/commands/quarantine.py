"""The commands about rows that were not accepted."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.paint import Paint, columns, counted
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from mainspring.sources.ingest import IngestReport
    from mainspring.sources.quarantine import QuarantinedRow

__all__ = ["quarantine", "quarantine_lines", "released_lines", "row_lines"]

_SHOWN = 20


@click.group()
def quarantine() -> None:
    """Show, release and drop rows that were not accepted."""


@quarantine.command("list", cls=WorkspaceVerb)
@click.argument("source")
@click.option(
    "--last",
    default=_SHOWN,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="How many rows, the newest last.",
)
@click.pass_obj
def list_rows(at: Invocation, source: str, last: int) -> None:
    """List the rows of a source that are in quarantine, by reason and one by one."""
    rows = at.open().quarantine(source)
    at.answer(rows, lambda paint: quarantine_lines(source, rows, last, paint))


@quarantine.command("show", cls=WorkspaceVerb)
@click.argument("source")
@click.argument("row", type=int)
@click.pass_obj
def show_row(at: Invocation, source: str, row: int) -> None:
    """Show one row in quarantine, as it came.  ROW is its number in the list."""
    from mainspring.sources.errors import NotInQuarantine

    found = [each for each in at.open().quarantine(source) if each.raw == row]
    if not found:
        raise NotInQuarantine(source=source, row=row)
    at.answer(found[0], lambda paint: row_lines(found[0], paint))


_ROWS = click.argument("rows", type=int, nargs=-1, metavar="[ROW]...")
_ALL = click.option("--all", "is_all", is_flag=True, help="All rows of the source.")


@quarantine.command("release", cls=WorkspaceVerb)
@click.argument("source")
@_ROWS
@_ALL
@click.pass_obj
def release_rows(at: Invocation, source: str, rows: tuple[int, ...], *, is_all: bool) -> int:
    """Accept rows that came late or contradict another, from now on.

    A row that breaks the contract is not released: push it again as it should be, or change the
    contract and apply.  Exit code 1 when rows are in quarantine and none could be released.
    """
    _require_choice(rows, is_all=is_all)
    workspace = at.open()
    report = workspace.release(source, rows)
    left = _rows_in(workspace.quarantine(source)) if is_all else 0
    at.answer(report, lambda paint: released_lines(report, left, paint))
    return EXIT_REFUSED if left and not _released(report) else 0


@quarantine.command("drop", cls=WorkspaceVerb)
@click.argument("source")
@_ROWS
@_ALL
@click.pass_obj
def drop_rows(at: Invocation, source: str, rows: tuple[int, ...], *, is_all: bool) -> None:
    """Take rows out of quarantine for good: no later definition brings them back."""
    _require_choice(rows, is_all=is_all)
    workspace = at.open()
    before = _rows_in(workspace.quarantine(source))
    workspace.drop(source, rows)
    gone = before - _rows_in(workspace.quarantine(source))
    at.answer(
        {"dropped": gone}, lambda paint: [f"{paint.mark(True)} {counted(gone, 'row')} dropped"]
    )


def _require_choice(rows: Sequence[int], *, is_all: bool) -> None:
    if bool(rows) == is_all:
        raise click.UsageError("name the rows by their numbers, or say --all")


def quarantine_lines(
    source: str, rows: Sequence["QuarantinedRow"], last: int, paint: Paint
) -> Iterator[str]:
    """The reasons with their counts, then the newest rows."""
    if not rows:
        yield f"{source} has no row in quarantine."
        return
    reasons: dict[str, int] = {}
    for row in rows:
        reasons[row.reason] = reasons.get(row.reason, 0) + row.count
    yield paint.title(f"{counted(sum(reasons.values()), 'row')} of {source} in quarantine")
    yield from columns([[reason, f"{count:,}"] for reason, count in sorted(reasons.items())])
    shown = rows[-last:] if last else []
    if shown:
        yield ""
        yield from columns(
            [[f"{row.raw}", row.reason, _times(row.count), f"{row.row:.100}"] for row in shown]
        )
    if len(shown) < len(rows):
        yield paint.quiet(f"  {len(rows) - len(shown):,} earlier rows are not shown (--last)")


def row_lines(row: "QuarantinedRow", paint: Paint) -> Iterator[str]:
    """All that is known of a row in quarantine."""
    yield paint.title(f"Row {row.raw}")
    yield from columns(
        [
            ["reason", row.reason],
            ["code", f"{row.code}  {paint.quiet(f'mainspring explain {row.code}')}"],
            ["fact", row.fact or "none: it has no id"],
            ["came", f"{format_instant(row.appended_at)}{_times(row.count, first=', ')}"],
            ["row", row.row],
        ]
    )


def released_lines(report: "IngestReport", left: int, paint: Paint) -> Iterator[str]:
    """How many rows were released, and of all rows those that could not be."""
    count = _released(report)
    yield f"{paint.mark(bool(count) or not left)} {counted(count, 'row')} released"
    if left:
        rows = counted(left, "row")
        yield f"  {rows} in quarantine still: what breaks the contract is not released"


def _released(report: "IngestReport") -> int:
    return report.accepted + report.revised


def _rows_in(rows: Sequence["QuarantinedRow"]) -> int:
    """How many rows came; those that are alike are one row of the list."""
    return sum(row.count for row in rows)


def _times(count: int, *, first: str = "") -> str:
    return f"{first}{count} times" if count > 1 else ""
