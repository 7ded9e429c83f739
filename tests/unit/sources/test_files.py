"""Files of every format that is read."""

from pathlib import Path

import polars as pl
import pytest

from mainspring.elements.schema import DType
from mainspring.elements.time import DAY
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.sources.contract import effective_schema
from mainspring.sources.errors import EmptyFolder, FileMissing, FileUnreadable
from mainspring.sources.facts import read_source_rows
from mainspring.sources.files import read_schema
from mainspring.sources.ingest import CompiledSource, IngestReport, SourceWriter
from mainspring.sources.spec import Contract, Float64, Source, Timestamp
from tests.unit.sources.conftest import NOON

ROWS = pl.DataFrame(
    {
        "n": [1, 2, 3],
        "at": ["2013-01-01T00:00:00Z", "2013-01-01 01:00", "2013-01-02"],
        "x": [1.5, None, 2.0],
    }
)


def declared(path: str) -> Source:
    return Source(
        "s", path, id="n", event_time="at", contract=Contract(at=Timestamp(), x=Float64())
    )


def ingest(source: Source, root: Path, log: SqliteLog) -> IngestReport:
    schema = effective_schema(source, read_schema(source, root))
    assert source.path is not None
    return SourceWriter(
        CompiledSource(source, schema),
        log=log,
        clock=FrozenClock(NOON + DAY),
        objects=MemoryObjects(),
    ).write_path(root / source.path, history=True)


def test_the_same_rows_come_from_every_format(tmp_path: Path) -> None:
    ROWS.write_csv(tmp_path / "a.csv")
    ROWS.write_ndjson(tmp_path / "a.jsonl")
    ROWS.write_parquet(tmp_path / "a.parquet")
    facts = []
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        log = SqliteLog(None)
        ingest(declared(name), tmp_path, log)
        facts.append(read_source_rows(declared(name), log=log))
    assert facts[0].height == 3
    assert facts[0].equals(facts[1])
    assert facts[0].equals(facts[2])


def test_a_malformed_value_breaks_its_row_and_not_the_import(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,at,x\n1,2013-01-01,1.0\n2,2013-01-01,much\n3,whenever,2.0\n")
    report = ingest(declared("a.csv"), tmp_path, SqliteLog(None))
    assert report.accepted == 1
    assert report.quarantined == {"type:x": 1, "type:at,event_time_missing": 1}


def test_a_folder_is_one_source(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for part in range(2):
        ROWS.with_columns(n=pl.col("n") + 10 * part).write_parquet(
            tmp_path / "parts" / f"{part}.parquet"
        )
    assert ingest(declared("parts"), tmp_path, SqliteLog(None)).accepted == 6


def test_an_import_done_again_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,at,x\n1,2013-01-01,1.0\n2,2013-01-01,much\n")
    log = SqliteLog(None)
    ingest(declared("a.csv"), tmp_path, log)
    again = ingest(declared("a.csv"), tmp_path, log)
    assert (again.accepted, again.duplicates, log.head("source:s"), log.head("quarantine:s")) == (
        0,
        1,
        1,
        1,
    )


def test_the_report_profiles_the_file(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "a.parquet")
    profile = {
        column.name: column
        for column in ingest(declared("a.parquet"), tmp_path, SqliteLog(None)).profile
    }
    assert (
        profile["x"].rows,
        profile["x"].nulls,
        profile["x"].least,
        profile["x"].greatest,
        profile["x"].mean,
    ) == (3, 1, 1.5, 2.0, 1.75)
    assert (profile["n"].distinct, profile["at"].dtype) == (3, DType.TIMESTAMP)


def test_a_missing_file_is_reported_at_the_users_line(tmp_path: Path) -> None:
    with pytest.raises(FileMissing) as error:
        read_schema(declared("nowhere.parquet"), tmp_path)
    assert error.value.at is not None
    assert error.value.at.path == __file__


def test_a_file_that_is_not_what_its_suffix_says_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("not Parquet")
    with pytest.raises(FileUnreadable):
        read_schema(declared("a.parquet"), tmp_path)


def test_a_folder_of_several_kinds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n1\n")
    (tmp_path / "b.jsonl").write_text('{"n":1}\n')
    with pytest.raises(EmptyFolder):
        read_schema(declared("."), tmp_path)
