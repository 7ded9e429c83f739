"""The command that keeps online state current."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.output import colours_of
from mainspring.app.cli.paint import Paint, counted
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from types import FrameType

    from mainspring.features.stream.meter import StreamReport

__all__ = ["stream", "stream_line"]

_PARITY_PERIOD_S = 1.0


@click.command(cls=WorkspaceVerb)
@click.option(
    "--view", "views", multiple=True, metavar="NAME", help="Fold this view only; may be repeated."
)
@click.option("--once", is_flag=True, help="Fold what the log holds now, and end.")
@click.option(
    "--snapshot",
    is_flag=True,
    help="Keep a snapshot of each shard: at the end, or when it has caught up and every hour.",
)
@click.pass_obj
def stream(at: Invocation, views: tuple[str, ...], *, once: bool, snapshot: bool) -> None:
    """Fold the log into online state until stopped.

    Folds the views of the environment's map and of the two before it, so that a rollback finds
    current state.  Any number of these processes share the work, partition by partition; what one
    leaves when it ends or dies the others take over.  Each second is one line; with --json one
    document.  A share of the predictions that are made meanwhile is recomputed and compared, as the
    server does it.
    """
    workspace = at.open()
    if once:
        report = workspace.streams.once(views, takes_snapshots=snapshot)
        at.answer(report, lambda paint: [stream_line(report, paint)])
        return
    from mainspring.flow.periodic import PeriodicTask

    paint = colours_of(sys.stdout)
    parity = PeriodicTask(workspace.parity.run_due, name="parity", period_s=_PARITY_PERIOD_S)
    with _asked_to_stop() as stop, parity.running():
        streams = workspace.streams
        streams.consumer(
            views,
            takes_snapshots=snapshot,
            on_report=lambda report: _tell(report, paint, as_json=at.as_json),
        ).run(stop)


def stream_line(report: "StreamReport", paint: Paint) -> str:
    """One second of a consumer."""
    behind = f"{counted(report.lag_records, 'record')} behind"
    told = [
        paint.quiet(format_instant(report.at)[11:19]),
        f"{report.events_per_s:>9,.0f} events/s",
        paint.warn(behind) if report.lag_records else behind,
        f"visible in {report.lag_ms:,.0f} ms",
        f"{report.shards} of {counted(report.of, 'shard')}",
        paint.quiet(f"{report.cpu:.0%} CPU"),
    ]
    return "  ".join(told)


def _tell(report: "StreamReport", paint: Paint, *, as_json: bool) -> None:
    import msgspec

    click.echo(msgspec.json.encode(report).decode() if as_json else stream_line(report, paint))


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Set when the process is asked to end; it then finishes what is at hand."""
    stop = threading.Event()

    def ask(_number: int, _frame: "FrameType | None") -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
