"""The embedded engines as the rows on online state use them: a log that fills in micro-batches, and
a store that folds it.
"""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks.features.history import END, History, draw_facts, records_of
from benchmarks.features.purchases import TOPIC, twenty
from benchmarks.features.setting import Setting
from mainspring.elements.time import DAY
from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.engines.local.log import SqliteLog
from mainspring.features.state.stream import ViewMaterialization, materialize_view
from mainspring.ports.online import OnlineWriter

__all__ = [
    "BATCH",
    "EMBEDDED",
    "append_batches",
    "fold",
    "new_records",
    "open_log",
    "open_online",
    "open_stream",
]

EMBEDDED = "LMDB"
"""What the embedded store keeps its rows in."""

BATCH = 5_000
"""Records in a micro-batch, which is one frame of the log and one commit of the store."""


def open_log(path: Path) -> SqliteLog:
    """The embedded log in a file."""
    return SqliteLog(path)


def open_online(path: Path) -> LmdbOnline:
    """The embedded online store in a file."""
    return LmdbOnline(path)


def new_records(setting: Setting, *, events: int, keys: int) -> pl.DataFrame:
    """Records of the last 30 days in the order in which they happen: all that the longest window
    can see, and no more.
    """
    history = History(0, setting.scaled(events), setting.scaled(keys), span=30 * DAY)
    return records_of(draw_facts(history))


def append_batches(log: SqliteLog, records: pl.DataFrame) -> None:
    """Append in micro-batches."""
    for frame in records.iter_slices(BATCH):
        log.append({TOPIC: frame}, expected={})


def open_stream(log: SqliteLog, online: OnlineWriter) -> Callable[[], None]:
    """What a stream does at each look: goes on where it stopped, up to the head of the log."""
    view = ViewMaterialization(twenty(), [0], log=log, online=online, now=END)

    def follow() -> None:
        for _ in view.iter_steps({TOPIC: log.head(TOPIC)}, now=END):
            pass

    return follow


def fold(log: SqliteLog, online: OnlineWriter) -> None:
    """Bring the store up to the head of the log."""
    materialize_view(twenty(), log=log, online=online, now=END)
