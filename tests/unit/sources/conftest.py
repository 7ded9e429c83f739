"""A source of arrivals, a log in memory, and a clock that stands still."""

from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest

from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.sources.facts import read_source_rows
from mainspring.sources.ingest import CompiledSource, IngestReport, SourceWriter
from mainspring.sources.spec import Contract, Float64, Source, String
from mainspring.sources.topic import quarantine_topic_of

NOON = parse_instant("2013-01-01T12:00")
SCHEMA = Schema.of(
    flight=DType.INT64, landed_at=DType.TIMESTAMP, carrier=DType.STRING, delay=DType.FLOAT64
)


def source_of(**changes: Any) -> Source:
    """Arrivals, declared with other arguments where a test needs them."""
    contract = Contract(
        carrier=String(max_length=2, nullable=False, one_of=("UA", "DL", "AAA")),
        delay=Float64(between=(-60, 900)),
    )
    return Source(
        "arrivals", **{"id": "flight", "event_time": "landed_at", "contract": contract} | changes
    )


def row(flight: int = 1, **changes: Any) -> dict[str, Any]:
    """An arrival at 11:00."""
    return {
        "flight": flight,
        "landed_at": "2013-01-01T11:00:00Z",
        "carrier": "UA",
        "delay": 5.0,
    } | changes


@dataclass
class Desk:
    """Where rows are handed in and facts asked for."""

    compiled: CompiledSource
    log: SqliteLog
    clock: FrozenClock

    def take(self, *rows: dict[str, Any], **options: Any) -> IngestReport:
        """Ingest rows now."""
        return self.writer().write_rows(rows, **options)

    def writer(self, **options: Any) -> SourceWriter:
        """What takes them in."""
        return SourceWriter(
            self.compiled, log=self.log, clock=self.clock, objects=MemoryObjects(), **options
        )

    def facts(self) -> pl.DataFrame:
        """All facts."""
        return read_source_rows(self.compiled.source, log=self.log)

    def quarantine(self) -> pl.DataFrame:
        """All rows that were refused."""
        return pl.concat(list(self.log.read(quarantine_topic_of("arrivals"))))


@pytest.fixture
def clock() -> FrozenClock:
    """Noon of the first day."""
    return FrozenClock(NOON)


@pytest.fixture
def desk(clock: FrozenClock) -> Desk:
    """A desk for the source of arrivals."""
    return Desk(CompiledSource(source_of(), SCHEMA), SqliteLog(None), clock)
