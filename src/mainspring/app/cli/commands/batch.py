"""The command that predicts for files and tables of rows."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import Invocation, WorkspaceVerb, trust_option
from mainspring.app.cli.output import live_line
from mainspring.app.cli.paint import Paint, counted
from mainspring.app.cli.progress import BackfillBar
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from mainspring.serving.batch.job import BatchReport

__all__ = ["batch_lines", "batch_predict"]

_POLITE = 10


@click.command("batch-predict", cls=WorkspaceVerb)
@click.argument("endpoint")
@click.argument("source", metavar="INPUT")
@click.argument("out", metavar="OUTPUT")
@click.option(
    "--time-column",
    default="",
    metavar="NAME",
    help="The column of prediction times.  [prediction_time, where there is one]",
)
@click.option("--at", "moment", default="", metavar="TIME", help="The time of all rows.  [now]")
@click.option(
    "--bad-rows",
    type=click.Choice(["report", "refuse"]),
    default="report",
    show_default=True,
    help="Give rows that cannot be answered an error, or refuse the input.",
)
@click.option("--log/--no-log", default=False, help="Put predictions into the inference log.")
@click.option("--explain", is_flag=True, help="Say what each feature has added to the raw score.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="A column of the input that the output carries; may be repeated.  [all]",
)
@click.option(
    "--rows-at-once",
    default=65_536,
    show_default=True,
    type=click.IntRange(1, 10_000_000),
    metavar="N",
    help="How many rows are in memory at a time.",
)
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@click.option("--restart", is_flag=True, help="Forget what an interrupted attempt has answered.")
@trust_option
@click.pass_obj
def batch_predict(
    at: Invocation,
    endpoint: str,
    source: str,
    out: str,
    *,
    time_column: str,
    moment: str,
    bad_rows: str,
    log: bool,
    explain: bool,
    columns: tuple[str, ...],
    rows_at_once: int,
    overwrite: bool,
    restart: bool,
    trust: Path | None,
) -> None:
    """Predict every row of a file or table.

    Each row of INPUT is answered by ENDPOINT, in its order, in OUTPUT.

    INPUT and OUTPUT are files (.csv, .parquet, .jsonl, .ndjson) or Delta tables, which is any
    other path; in a bucket with s3://BUCKET/...  Each row is answered with what was known at its
    prediction time, or now.  The output appears when it is complete; called again after it was
    interrupted, the command goes on where it was.
    """
    # Live answers on the same machine come first.
    with suppress(OSError):
        os.nice(_POLITE)
    bar = BackfillBar(live_line(sys.stderr))
    report = at.open(trust=trust).batch_predict(
        endpoint,
        source,
        out,
        time_column=time_column,
        at=moment,
        bad_rows=bad_rows,
        log=log,
        explain=explain,
        columns=columns or None,
        rows_at_once=rows_at_once,
        overwrite=overwrite,
        restart=restart,
        progress=lambda done, total: bar.on_rows(endpoint, done, total),
    )
    bar.end()
    at.answer(report, lambda paint: batch_lines(report, paint))


def batch_lines(report: "BatchReport", paint: Paint) -> Iterator[str]:
    """What was answered, by which version, and the first rows that could not be."""
    resumed = f", {report.resumed_at:,} of them before" if report.resumed_at else ""
    yield (
        f"{paint.mark(not report.bad)} {counted(report.rows, 'row')} in {report.out} by "
        f"{report.version}{resumed}"
    )
    if report.time_column:
        yield f"  each with what was known at its {report.time_column}"
    else:
        yield f"  all with what was known at {format_instant(report.at)}: see --time-column, --at"
    if report.execution != "cpu":
        yield f"  computed on {report.execution}"
    if report.bad:
        yield paint.warn(f"  {counted(report.bad, 'row')} could not be answered, see `error`")
        yield from (f"    row {row:,}: {reason}" for row, reason in report.first_bad)
    logged = "in the inference log" if report.logged else "not in the inference log: see --log"
    yield paint.quiet(f"  job {report.job}, {logged}")
