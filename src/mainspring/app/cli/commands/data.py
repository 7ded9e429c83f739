"""The commands that ingest data and backfill features."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import GivenPath, Invocation, WorkspaceVerb
from mainspring.app.cli.output import live_line
from mainspring.app.cli.paint import Paint, columns, counted
from mainspring.app.cli.progress import BackfillBar
from mainspring.app.cli.rows import read_rows

if TYPE_CHECKING:
    from mainspring.sources.ingest import IngestReport, SourceRows

__all__ = ["backfill", "ingest", "ingest_lines"]

_FORMATS = (".parquet", ".csv", ".jsonl", ".ndjson")


@click.command(cls=WorkspaceVerb)
@click.argument("source")
@click.argument("file", default="-", metavar="[FILE]", type=GivenPath(path_type=str))
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="JSON",
    help="A row, in place of a file; may be repeated.",
)
@click.option("--history", is_flag=True, help="The facts became known at their own time, not now.")
@click.option(
    "--op",
    type=click.Choice(["replace", "delete"]),
    default=None,
    help="Replace or delete facts that were accepted before.",
)
@click.pass_obj
def ingest(
    at: Invocation, source: str, file: str, rows: tuple[str, ...], *, history: bool, op: str | None
) -> int:
    """Write rows to a source, checked by its contract.

    FILE is Parquet, CSV or JSON lines; without it, rows are read from standard input as JSON.
    Rows that break the contract go to quarantine with the reason; a row that the log has already
    is counted as a duplicate, so ingesting the same rows twice changes nothing.  Exit code 1 when
    no row was accepted, and none was there already.
    """
    if rows and file != "-":
        raise click.UsageError(f"give {file} or --row, not both")
    given: Path | SourceRows = (
        Path(file)
        if not rows and Path(file).suffix in _FORMATS
        else cast("SourceRows", read_rows(file, rows))
    )
    report = at.open().ingest(source, given, history=history, op=op or "")
    at.answer(report, lambda paint: ingest_lines(source, report, paint))
    return 0 if _taken(report) else EXIT_REFUSED


@click.command(cls=WorkspaceVerb)
@click.argument("features", nargs=-1, required=True, metavar="FEATURES...")
@click.option(
    "--spine",
    required=True,
    type=GivenPath(),
    help="The rows: join keys, request fields, prediction_time.",
)
@click.option(
    "--out",
    required=True,
    type=GivenPath(),
    help="The output file: .parquet, .csv or .jsonl.",
)
@click.pass_obj
def backfill(at: Invocation, features: tuple[str, ...], spine: Path, out: Path) -> None:
    """Compute features for many prediction times at once.

    FEATURES are views, feature sets, and VIEW:FEATURE for one of a view.

    Each row gets what was known at its own prediction_time.  The output has one row for each row of
    the spine, in its order; the file appears when it is complete.  A spine larger than memory is
    computed a million rows at a time.
    """
    for path in (spine, out):
        _check_format(path)
    progress = BackfillBar(live_line(sys.stderr))
    report = at.open().feature_views.backfill(
        features, spine=spine, out=out, progress=progress.on_rows
    )
    progress.end()
    at.answer(
        report,
        lambda paint: [
            (
                f"{paint.mark(True)} {counted(report.rows, 'row')} and "
                f"{counted(len(report.columns), 'column')} in {out}"
            )
        ],
    )


def ingest_lines(source: str, report: "IngestReport", paint: Paint) -> Iterator[str]:
    """How many rows were accepted, and why others were not."""
    counts = [
        ("revised", report.revised),
        ("deleted", report.deleted),
        ("duplicate" if report.duplicates == 1 else "duplicates", report.duplicates),
        ("unknown, so not deleted", report.unknown),
    ]
    more = "".join(f", {count:,} {name}" for name, count in counts if count)
    is_good = _taken(report) > 0 and not report.quarantined
    yield f"{paint.mark(is_good)} {paint.name(source)}: {report.accepted:,} accepted{more}"
    if report.ignored:
        yield paint.warn(f"  not columns of the source, so not stored: {', '.join(report.ignored)}")
    if report.quarantined:
        yield paint.warn(f"  {counted(sum(report.quarantined.values()), 'row')} in quarantine")
        worst_first = sorted(report.quarantined.items(), key=lambda item: (-item[1], item[0]))
        yield from columns(
            [[f"{count:,}", reason] for reason, count in worst_first], right=(0,), indent=4
        )


def _taken(report: "IngestReport") -> int:
    """How many rows the log has taken, now or before."""
    return report.accepted + report.revised + report.deleted + report.duplicates


def _check_format(path: Path) -> None:
    if path.suffix not in _FORMATS:
        raise click.BadParameter(f"{path} has none of the suffixes {', '.join(_FORMATS)}")
