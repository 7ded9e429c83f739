"""Row 9: how long after an append is acknowledged a read sees it, at 5,000 events a second.

Three processes, as in production: one ingests batches of facts, one folds the log, one reads.  The
first fact of a batch belongs to a customer of its own, whom the reader asks for until its count is
1; then it goes on to the next batch.  Clocks are monotonic and shared by the processes of one
machine.
"""

import multiprocessing
import time
from contextlib import suppress
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Event
from pathlib import Path

import polars as pl

from benchmarks.features.figure import Figure, Section, count_of, percentile, time_of
from benchmarks.features.purchases import SCHEMA, SOURCE, twenty, warm_up
from benchmarks.features.setting import Setting
from benchmarks.features.stores import EMBEDDED, open_log, open_online
from mainspring.engines.local.clock import SystemClock
from mainspring.engines.local.objects import MemoryObjects
from mainspring.features.errors import HorizonPassed
from mainspring.features.online.read import read_online
from mainspring.features.state.stream import materialize_view
from mainspring.ports.errors import StaleWrite
from mainspring.sources.ingest import CompiledSource, SourceWriter

__all__ = ["measure"]

_RATE, _BATCH = 5_000, 50
_KEYS = 20_000
_FIRST_PROBE = 10_000_000
_PAUSE_S = 0.0005
_BAR_S = 0.050


def measure(setting: Setting) -> Section:
    """Thirty seconds, after two that nobody looks at."""
    warming, measured_s = (1, 1) if setting.is_quick else (2, 30)
    batches = (warming + measured_s) * _RATE // _BATCH
    acknowledged, seen = _run(setting.room("visibility"), batches)
    skipped = warming * _RATE // _BATCH
    taken = [
        max(after - before, 0) / 1e9
        for before, after in zip(acknowledged[skipped:], seen[skipped:], strict=True)
    ]
    rate = _BATCH * (len(taken) - 1) / ((acknowledged[-1] - acknowledged[skipped]) / 1e9)
    p99 = percentile(taken, 99)
    return Section(
        "visibility",
        "From append to read",
        [
            Figure(
                f"acknowledged append to visible in a read, {EMBEDDED}, p99",
                time_of(p99),
                f"≤ {time_of(_BAR_S)}",
                p99 <= _BAR_S,
            ),
            Figure("the same, p50", time_of(percentile(taken, 50))),
            Figure("events a second", f"{rate:,.0f}", f"{_RATE:,}", rate >= 0.98 * _RATE),
        ],
        [
            f"{count_of(_BATCH)} events to an append for {measured_s} s, ingested "
            f"through the sequencer by one process, folded by another in a loop, read "
            f"by a "
            f"third every {1e3 * _PAUSE_S:g} ms."
        ],
    )


def _run(room: Path, batches: int) -> tuple[list[int], list[int]]:
    """When each batch was acknowledged, and when it was seen, in nanoseconds."""
    context = multiprocessing.get_context("spawn")
    acknowledged, seen = context.Array("q", batches), context.Array("q", batches)
    is_folding, is_done = context.Event(), context.Event()
    open_log(room / "log.db").close()
    open_online(room / "online.db").close()
    fold = context.Process(target=_fold, args=(room, is_folding, is_done), daemon=True)
    fold.start()
    while not is_folding.wait(timeout=1):
        _require(fold.is_alive())
    reader = context.Process(target=_read, args=(room, seen, is_done), daemon=True)
    reader.start()
    ingest = context.Process(target=_ingest, args=(room, acknowledged), daemon=True)
    ingest.start()
    while reader.is_alive():
        _require(fold.is_alive() and not ingest.exitcode)
        reader.join(timeout=1)
    is_done.set()
    for child in (ingest, fold):
        child.join()
    return list(acknowledged), list(seen)


def _require(is_well: bool) -> None:
    if not is_well:
        raise RuntimeError(
            "the process that ingests or the one that folds has died; its traceback stands above"
        )


def _ingest(room: Path, acknowledged: "SynchronizedArray[int]") -> None:
    """Append a batch at each of its moments; a late one follows at once, so that the rate holds on
    average.
    """
    log, compiled, clock = open_log(room / "log.db"), CompiledSource(SOURCE, SCHEMA), SystemClock()
    began = time.monotonic()
    for batch in range(len(acknowledged)):
        time.sleep(max(0.0, began + batch * _BATCH / _RATE - time.monotonic()))
        SourceWriter(compiled, log=log, clock=clock, objects=MemoryObjects()).write_rows(
            _batch_of(batch, now=clock.now())
        )
        acknowledged[batch] = time.monotonic_ns()


def _batch_of(batch: int, *, now: int) -> pl.DataFrame:
    """Facts of this moment: one of the batch's probe, the others of customers that come again and
    again.
    """
    number = pl.int_range(batch * _BATCH, (batch + 1) * _BATCH, eager=True)
    customer = pl.select(
        pl.when(number % _BATCH == 0).then(_FIRST_PROBE + batch).otherwise(number * 7_919 % _KEYS)
    ).to_series()
    frame = pl.DataFrame(
        {
            "customer": customer,
            "amount": (number % 1_000).cast(pl.Float64),
            "item": number % 200,
            "purchase": number.cast(pl.String),
        }
    )
    return frame.with_columns(bought_at=pl.lit(now - 1).cast(pl.Datetime("us", "UTC")))


def _fold(room: Path, is_folding: Event, is_done: Event) -> None:
    log, online, clock, view = (
        open_log(room / "log.db"),
        open_online(room / "online.db"),
        SystemClock(),
        twenty(),
    )
    while not is_done.is_set():
        with suppress(StaleWrite):
            materialize_view(view, log=log, online=online, now=clock.now())
        is_folding.set()
        time.sleep(_PAUSE_S)


def _read(room: Path, seen: "SynchronizedArray[int]", is_done: Event) -> None:
    online, clock, view = open_online(room / "online.db"), SystemClock(), twenty()
    warm_up()
    for batch in range(len(seen)):
        asked = {"customer": [_FIRST_PROBE + batch]}
        while not is_done.is_set():
            with suppress(HorizonPassed):
                if read_online([view], online, asked, at=[clock.now()]).columns[
                    "customer__count__1h"
                ] == [1]:
                    break
            time.sleep(_PAUSE_S)
        seen[batch] = time.monotonic_ns()
