"""How long after a fact was acknowledged a read sees it: `python -m benchmarks.stream [SECONDS
[PARTITIONS [STREAMS]]]`.

As in production: one process pushes 5,000 events a second in batches of 50, `mainspring stream`
folds them into three views, a third process reads, on the embedded engines.  The first fact of a
batch is of a shop of its own, which the reader asks all views about until each has counted it.
Prints the median and the 99th percentile, and the CPU that the stream took; a busy machine shows in
all of them.
"""

import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path

from mainspring.app.workspace import Workspace
from mainspring.features.online.read import read_online

RATE, BATCH, SHOPS = 5_000, 50, 20_000
WARMING_S = 3
PAUSE_S = 0.0005
VIEWS = ("takings", "baskets", "customers")
PROJECT = """
import mainspring as ms
from mainspring import col

sales = ms.Source("sales", id="n", event_time="at", contract=ms.Contract(n=ms.Int64(),
    at=ms.Timestamp(), shop=ms.String(), amount=ms.Float64()))
shop = ms.Entity("shop")
amount = col("amount")
takings = ms.FeatureView("takings", source=sales, entities=[shop], windows=["1h", "24h", "7d"],
    features={"n": ms.count(), "total": amount.sum()})
baskets = ms.FeatureView("baskets", source=sales, entities=[shop], windows=["1h", "24h"],
    features={"n": ms.count(), "most": amount.max()})
customers = ms.FeatureView("customers", source=sales, entities=[shop], windows=["30d"],
    features={"n": ms.count(), "last": amount.last()})
"""


def main(seconds: int = 30, partitions: int = 1, streams: int = 1) -> None:
    """Run the processes and print what they measured."""
    batches = (WARMING_S + seconds) * RATE // BATCH
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shops.py").write_text(PROJECT)
        (folder / "project.toml").write_text(
            f'name = "shops"\n[environments.dev]\npartitions = {partitions}\n'
        )
        Workspace.open(folder).apply()
        with ExitStack() as stack:
            children = [stack.enter_context(_streaming(folder)) for _ in range(streams)]
            acknowledged, seen = _run(folder, batches)
            reports = [_ended(child) for child in children]
    skipped = WARMING_S * RATE // BATCH
    taken = sorted(
        (after - before) / 1e6
        for before, after in zip(acknowledged[skipped:], seen[skipped:], strict=True)
    )
    rate = BATCH * (len(taken) - 1) / ((acknowledged[-1] - acknowledged[skipped]) / 1e9)
    print(
        f"{rate:,.0f} events/s into {len(VIEWS)} views of {partitions} partitions by "
        f"{streams} processes for {seconds} s"
    )
    print(
        f"acknowledged to visible: p50 {taken[len(taken) // 2]:.1f} ms, p99 "
        f"{taken[len(taken) * 99 // 100]:.1f} ms, longest {taken[-1]:.1f} ms"
    )
    for report in reports:
        told = report[WARMING_S + 1 : -1]
        cpu, lag = (
            statistics.median(second[name] for second in told) for name in ("cpu", "lag_ms")
        )
        worst = max(second["lag_ms"] for second in told)
        print(
            f"a stream of {told[-1]['shards']} shards: {cpu:.0%} of a core; lag "
            f"{lag:.1f} ms in the median second, {worst:.1f} ms in the worst"
        )


def _streaming(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            str(Path(sys.executable).with_name("mainspring")),
            "stream",
            "--json",
            "--project",
            str(folder),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def _ended(child: "subprocess.Popen[str]") -> list[dict[str, float]]:
    child.terminate()
    told, _ = child.communicate()
    return [json.loads(line) for line in told.splitlines()]


def _run(folder: Path, batches: int) -> tuple[Sequence[int], Sequence[int]]:
    """When each batch was acknowledged, and when all views had it, in nanoseconds."""
    context = multiprocessing.get_context("spawn")
    acknowledged, seen = context.Array("q", batches), context.Array("q", batches)
    reader = context.Process(target=_read, args=(folder, seen), daemon=True)
    pusher = context.Process(target=_push, args=(folder, acknowledged), daemon=True)
    reader.start()
    pusher.start()
    pusher.join()
    reader.join(timeout=30)
    return list(acknowledged), list(seen)


def _push(folder: Path, acknowledged: "SynchronizedArray[int]") -> None:
    """A batch at each of its moments; a late one follows at once, so that the rate holds on
    average.
    """
    workspace = Workspace.open(folder)
    began = time.monotonic()
    for batch in range(len(acknowledged)):
        time.sleep(max(0.0, began + batch * BATCH / RATE - time.monotonic()))
        at = workspace.runtime.data_clock.now() - 1
        rows = [
            {
                "n": n,
                "at": at,
                "shop": f"shop {n * 7_919 % SHOPS}" if n % BATCH else f"probe {batch}",
                "amount": n % 1_000 / 7,
            }
            for n in _numbers(batch)
        ]
        workspace.writer("sales").write_rows(rows)
        acknowledged[batch] = time.monotonic_ns()


def _numbers(batch: int) -> range:
    return range(batch * BATCH, (batch + 1) * BATCH)


def _read(folder: Path, seen: "SynchronizedArray[int]") -> None:
    workspace = Workspace.open(folder)
    views, online, clock = (
        [workspace.reader.view(name) for name in VIEWS],
        workspace.runtime.online,
        workspace.runtime.data_clock,
    )
    for batch in range(len(seen)):
        asked = {"shop": [f"probe {batch}"]}
        while any(
            values != [1]
            for name, values in read_online(views, online, asked, at=[clock.now()]).columns.items()
            if "__n__" in name
        ):
            time.sleep(PAUSE_S)
        seen[batch] = time.monotonic_ns()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
