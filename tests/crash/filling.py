"""A process on a disk that fills up: `python -m tests.crash.filling FOLDER sqlite|lmdb [BYTES]`,
where BYTES bounds the size of any file.

It takes facts in, folds them into tables and online state, and acknowledges by a line.  Refused by
a store it says by which code, and tries what is left.
"""

import resource
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

from mainspring.elements.expression import count as rows_counted
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import MINUTE
from mainspring.engines.delta.tables import DeltaTables
from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.spec import Entity, FeatureView
from mainspring.features.state.stream import materialize_view
from mainspring.features.view import compile_view
from mainspring.ports.errors import StoreFailed
from mainspring.ports.online import OnlineWriter
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.fold import materialize_table
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.spec import Source

SCHEMA = Schema.of(n=DType.INT64, at=DType.TIMESTAMP, city=DType.STRING)
SOURCE = Source("s", id="n", event_time="at")
COMPILED = CompiledSource(SOURCE, SCHEMA)
VIEW = compile_view(
    FeatureView(
        "v",
        source=SOURCE,
        entities=[Entity("city")],
        windows=["1h"],
        features={"n": rows_counted()},
    ),
    SCHEMA,
    shard="v",
)
TOPIC = "source:s"
CALLS, ROWS = 24, 250


class Stores(NamedTuple):
    """The stores of one folder."""

    log: SqliteLog
    tables: DeltaTables
    online: OnlineWriter


def stores_in(folder: Path, product: str) -> Stores:
    """The stores, made where they are absent; online state lies in this product."""
    online = (
        LmdbOnline(folder / "online.lmdb")
        if product == "lmdb"
        else SqliteOnline(folder / "online.db")
    )
    return Stores(SqliteLog(folder / "log.db"), DeltaTables(folder / "tables"), online)


def works(stores: Stores, call: int) -> list[Callable[[], object]]:
    """What is done for one batch; doing it again is harmless."""
    rows = [
        {"n": n, "at": n * MINUTE // 100, "city": f"city {n * n % 89}"}
        for n in range(ROWS * call, ROWS * call + ROWS)
    ]
    clock = FrozenClock(100 * MINUTE)
    return [
        lambda: SourceWriter(
            COMPILED, log=stores.log, clock=clock, objects=MemoryObjects()
        ).write_rows(rows),
        lambda: materialize_table(TOPIC, log=stores.log, tables=stores.tables),
        lambda: materialize_view(
            VIEW, log=stores.log, online=stores.online, now=0, tables=stores.tables
        ),
    ]


def main() -> None:
    """Fill the disk, and go on for ten calls after the first refusal."""
    folder = Path(sys.argv[1])
    stores = stores_in(folder, sys.argv[2])
    if len(sys.argv) > 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    refused_at: int | None = None
    for call in count():
        for name, work in zip(("log", "table", "online"), works(stores, call), strict=True):
            try:
                work()
                print(f"done {name} {stores.log.head(TOPIC)}", flush=True)
            except StoreFailed as error:
                refused_at = call if refused_at is None else refused_at
                print(f"refused {name} {error.code}", flush=True)
        if refused_at is not None and call > refused_at + 10:
            return


if __name__ == "__main__":
    main()
