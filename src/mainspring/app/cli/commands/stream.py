"""The command that materializes the log into online state."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import Invocation, WorkspaceVerb, trust_option
from mainspring.app.cli.output import colours_of
from mainspring.app.cli.paint import Paint, counted
from mainspring.elements.plain_json import encode_json
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from types import FrameType

    from mainspring.features.stream.meter import StreamReport

__all__ = ["stream", "stream_line"]

_PARITY_PERIOD_S = 1.0


@click.command(cls=WorkspaceVerb)
@click.option(
    "--view",
    "views",
    multiple=True,
    metavar="NAME",
    help="Materialize this view only; may be repeated.",
)
@click.option("--once", is_flag=True, help="Materialize what the log has now, and exit.")
@click.option(
    "--snapshot",
    is_flag=True,
    help="Save a snapshot of each shard: at the end, or when it is up to date and every hour.",
)
@trust_option
@click.pass_obj
def stream(
    at: Invocation, views: tuple[str, ...], *, once: bool, snapshot: bool, trust: Path | None
) -> None:
    """Materialize the log into online state until stopped.

    It materializes the views of the environment's present version and of the two before it, so that
    online state is current after a rollback.  Several of these processes share the partitions; when
    one of them ends or dies, the others take over its partitions.  Each second prints one line, or
    one document with --json.  A sample of the predictions made meanwhile is recomputed and
    compared, as a server does.
    """
    workspace = at.open(trust=trust)
    if once:
        report = workspace.streams.once(views, takes_snapshots=snapshot)
        at.answer(report, lambda paint: [stream_line(report, paint)])
        return
    from mainspring.flow.periodic import PeriodicTask

    paint = colours_of(sys.stdout)
    parity = PeriodicTask(workspace.parity.run_due, name="parity", period_s=_PARITY_PERIOD_S)
    with _stopping_on_signal() as stop, parity.running():
        streams = workspace.streams
        streams.consumer(
            views,
            takes_snapshots=snapshot,
            on_report=lambda report: _print_report(report, paint, as_json=at.as_json),
        ).run(stop)


def stream_line(report: "StreamReport", paint: Paint) -> str:
    """The report of one second, as a line."""
    behind = f"{counted(report.lag_records, 'record')} behind"
    cells = [
        paint.quiet(format_instant(report.at)[11:19]),
        f"{report.events_per_s:>9,.0f} events/s",
        paint.warn(behind) if report.lag_records else behind,
        f"visible in {report.lag_ms:,.0f} ms",
        f"{report.shards} of {counted(report.of, 'shard')}",
        paint.quiet(f"{report.cpu:.0%} CPU"),
    ]
    return "  ".join(cells)


def _print_report(report: "StreamReport", paint: Paint, *, as_json: bool) -> None:
    click.echo(encode_json(report).decode() if as_json else stream_line(report, paint))


@contextmanager
def _stopping_on_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, so that the process ends after its present batch."""
    stop = threading.Event()

    def ask(_number: int, _frame: "FrameType | None") -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
