"""What a generation reads to decide."""

from collections.abc import Iterator

import polars as pl

from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import SourceWriter
from tests.unit.sources.conftest import SCHEMA, row, source_of


class CountingLog(SqliteLog):
    """A log that counts its reads."""

    reads = 0

    def read(
        self, topic: str, *, start: int = 0, stop: int | None = None
    ) -> Iterator[pl.DataFrame]:
        self.reads += 1
        return super().read(topic, start=start, stop=stop)


def test_as_many_reads_find_the_facts_of_many_corrections_as_of_one(clock: FrozenClock) -> None:
    log = CountingLog(None)
    writer = SourceWriter(
        CompiledSource(source_of(), SCHEMA), log=log, clock=clock, objects=MemoryObjects()
    )
    writer.write_rows([row(number) for number in range(3_000)])
    log.reads = 0
    writer.write_rows([row(delay=6.0)], op="replace")
    of_one, log.reads = log.reads, 0
    report = writer.write_rows([row(number, delay=7.0) for number in range(3_000)], op="replace")
    assert report.revised == 3_000
    assert log.reads < 3 * of_one
