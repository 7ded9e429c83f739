"""A small project whose state is divided, and what a consumer makes of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from mainspring.app.workspace import Workspace
from mainspring.features.online.read import read_online
from mainspring.features.state.replicate import read_shard
from mainspring.features.state.snapshot import Snapshot
from mainspring.features.state.stream import shards_of
from mainspring.features.stream.consume import StreamConsumer
from tests.topics import facts_topic

PROJECT = """
import mainspring as ms
from mainspring import col

sales = ms.Source("sales", id="n", event_time="at", retention="30d",
                  contract=ms.Contract(n=ms.Int64(), at=ms.Timestamp(), shop=ms.String(),
                      amount=ms.Float64()))
shop = ms.Entity("shop")
takings = ms.FeatureView("takings", source=sales, entities=[shop], windows=["1h", "3650d"],
    features={"n": ms.count(), "total": col("amount").sum()})
newest = ms.FeatureView("newest", source=sales, entities=[shop], ttl="3650d",
    features=ms.latest("amount"))
"""
SHOPS = tuple(f"shop {number}" for number in range(40))
DEADLINE_S = 30.0


def write_project(folder: Path, *, partitions: int = 7, text: str = PROJECT) -> Path:
    """The project in a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "shops.py").write_text(text)
    (folder / "project.toml").write_text(
        f'name = "shops"\n[environments.dev]\npartitions = {partitions}\n'
    )
    return folder


def applied(folder: Path, *, partitions: int = 7, text: str = PROJECT) -> Workspace:
    """The project, applied."""
    workspace = Workspace.open(write_project(folder, partitions=partitions, text=text))
    workspace.apply()
    return workspace


def sell(workspace: Workspace, first: int, count: int) -> None:
    """Take so many sales in, numbered on from the first."""
    at = workspace.runtime.data_clock.now() - 1
    numbers = range(first, first + count)
    workspace.writer("sales").write_rows(
        [{"n": n, "at": at, "shop": SHOPS[n * 7 % len(SHOPS)], "amount": n / 7} for n in numbers],
    )


@contextmanager
def running(*consumers: StreamConsumer) -> Iterator[None]:
    """Consume while the block runs."""
    stop = Event()
    threads = [Thread(target=consumer.run, args=(stop,)) for consumer in consumers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_until_folded(workspace: Workspace, *views: str) -> None:
    """Look until every partition of the views stands at the head of the log."""
    topic, deadline = facts_topic(workspace, "sales"), time.monotonic() + DEADLINE_S
    shards = [
        shard
        for view in views or ("takings", "newest")
        for shard in shards_of(workspace.reader.view(view))
    ]
    while not all(
        _offset(workspace, shard) == workspace.runtime.log.head(topic) for shard in shards
    ):
        assert time.monotonic() < deadline, workspace.runtime.online.shards()


def _offset(workspace: Workspace, shard: str) -> int:
    position, _ = workspace.runtime.online.read(shard, [])
    return -1 if position is None else position.offset(facts_topic(workspace, "sales"))


def state_of(workspace: Workspace, *views: str) -> Sequence[Snapshot | None]:
    """Rows and positions of all partitions of the views."""
    return [
        read_shard(shard, workspace.runtime.online)
        for view in views or ("takings", "newest")
        for shard in shards_of(workspace.reader.view(view))
    ]


def counted(workspace: Workspace) -> int:
    """How many sales reads see, without folding."""
    now = workspace.runtime.data_clock.now()
    answer = read_online(
        [workspace.reader.view("takings")],
        workspace.runtime.online,
        {"shop": SHOPS},
        at=[now] * len(SHOPS),
    )
    return sum(answer.columns["shop__n__3650d"])
