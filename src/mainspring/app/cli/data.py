"""The commands that take data in, and that give features out in bulk."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.paint import Paint, columns, counted
from mainspring.app.cli.rows import read_rows

if TYPE_CHECKING:
    import polars as pl

    from mainspring.sources.ingest import IngestReport, Rows

__all__ = ["backfill", "ingest", "ingest_lines"]

_FORMATS = (".parquet", ".csv", ".jsonl", ".ndjson")


@click.command(cls=WorkspaceVerb)
@click.argument("source")
@click.argument("file", default="-", metavar="[FILE]")
@click.option("--row", "rows", multiple=True, metavar="JSON", help="A row instead of a file; may be repeated.")
@click.option("--history", is_flag=True, help="The facts were known at their own time, not now.")
@click.option("--op", type=click.Choice(["replace", "delete"]), default=None, help="Correct or take back facts that were accepted before.")
@click.pass_obj
def ingest(at: Invocation, source: str, file: str, rows: tuple[str, ...], *, history: bool, op: str | None) -> None:
    """Take rows into a source's log, through its contract.

    FILE is Parquet, CSV or JSON lines; without one, rows are read from standard input as JSON.  Rows that break the contract go to quarantine with the
    reason; a row that the log holds already is counted as a duplicate, so doing it again is harmless.
    """
    given: Path | Rows = Path(file) if not rows and Path(file).suffix in _FORMATS else cast("Rows", read_rows(file, rows))
    report = at.open().ingest(source, given, history=history, op=op or "")
    at.answer(report, lambda paint: ingest_lines(source, report, paint))


@click.command(cls=WorkspaceVerb)
@click.argument("views", nargs=-1, required=True, metavar="VIEW...")
@click.option("--spine", required=True, type=click.Path(path_type=Path), help="Rows to answer: join keys, request fields, prediction_time.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where the answer goes: .parquet, .csv or .jsonl.")
@click.pass_obj
def backfill(at: Invocation, views: tuple[str, ...], spine: Path, out: Path) -> None:
    """Compute features for many past moments at once.

    Each row sees what was known at its own prediction_time.  The answer has one row for each row of the spine, in its order.
    """
    _check_format(out)
    frame = at.open().get_historical_features(views, spine=_read_frame(spine))
    _write_frame(frame, out)
    record = {"out": str(out), "rows": frame.height, "columns": frame.columns}
    at.answer(record, lambda paint: [f"{paint.mark(True)} {counted(frame.height, 'row')} and {counted(frame.width, 'column')} in {out}"])


def ingest_lines(source: str, report: "IngestReport", paint: Paint) -> Iterator[str]:
    """What became of the rows."""
    counts = [("revised", report.revised), ("deleted", report.deleted), ("said before", report.duplicates)]
    more = "".join(f", {count:,} {name}" for name, count in counts if count)
    yield f"{paint.mark(not report.quarantined)} {paint.name(source)}: {report.accepted:,} accepted{more}"
    if report.quarantined:
        yield paint.warn(f"  {counted(sum(report.quarantined.values()), 'row')} in quarantine")
        worst_first = sorted(report.quarantined.items(), key=lambda item: (-item[1], item[0]))
        yield from columns([[f"{count:,}", reason] for reason, count in worst_first], right=(0,), indent=4)


def _read_frame(path: Path) -> "pl.DataFrame":
    import polars as pl

    _check_format(path)
    try:
        match path.suffix:
            case ".parquet":
                frame = pl.read_parquet(path)
            case ".csv":
                frame = pl.read_csv(path)
            case _:
                frame = pl.read_ndjson(path)
        if frame.schema.get("prediction_time") == pl.String:
            return frame.with_columns(pl.col("prediction_time").str.to_datetime(time_unit="us", time_zone="UTC"))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise click.BadParameter(f"{path} cannot be read: {str(error).partition(chr(10))[0]}", param_hint="--spine") from error
    if "prediction_time" not in frame.columns:
        raise click.BadParameter(f"{path} has no column prediction_time", param_hint="--spine")
    return frame


def _write_frame(frame: "pl.DataFrame", path: Path) -> None:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_ndjson(path)


def _check_format(path: Path) -> None:
    if path.suffix not in _FORMATS:
        raise click.BadParameter(f"{path} has none of the suffixes {', '.join(_FORMATS)}")
