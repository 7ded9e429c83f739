"""Files of every format that is read."""

from pathlib import Path

import polars as pl
import pytest

from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import DAY, parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.sources.contract import effective_schema
from mainspring.sources.errors import EmptyFolder, FileMissing, FileUnreadable, UnusableColumn
from mainspring.sources.facts import read_source_rows
from mainspring.sources.files import FoundColumns, find_columns, iter_rows, read_schema
from mainspring.sources.ingest import CompiledSource, IngestReport, SourceWriter
from mainspring.sources.spec import Contract, Float64, Source, String, Timestamp
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


def found(root: Path, path: str, contract: Contract | None = None) -> FoundColumns:
    return find_columns(Source("s", path, id="n", event_time="at", contract=contract), root)


def test_a_guess_is_made_over_the_whole_file(tmp_path: Path) -> None:
    lines = [f"{n},2013-01-01,{n}.5,00{n}" for n in range(20_000)]
    (tmp_path / "a.csv").write_text("\n".join(["n,at,x,shop", *lines, "20000,2013-01-01,N/A,1"]))
    columns = found(tmp_path, "a.csv")
    assert columns.schema == Schema.of(
        n=DType.INT64, at=DType.TIMESTAMP, x=DType.STRING, shop=DType.STRING
    )
    assert [str(guess) for guess in columns.guesses][2:] == [
        "x: string, because of 'N/A' in row 20,001",
        "shop: string, because of '000' in row 1",
    ]


def test_a_contract_is_stronger_than_any_guess(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,at,x\n12345678901234567890,01/12/2012,N/A\n")
    contract = Contract(n=String(), at=Timestamp("%d/%m/%Y"), x=Float64(nulls="N/A"))
    source = Source("s", "a.csv", id="n", event_time="at", contract=contract)
    columns = find_columns(source, tmp_path)
    assert columns.guesses == ()
    log = SqliteLog(None)
    assert ingest(source, tmp_path, log).accepted == 1
    facts = read_source_rows(source, log=log)
    assert facts.select("n", "x", "_event_time").row(0) == (
        "12345678901234567890",
        None,
        parse_instant("2012-12-01"),
    )


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_the_parts_of_a_folder_are_read_by_name_with_the_wider_type(
    tmp_path: Path, suffix: str
) -> None:
    (tmp_path / "parts").mkdir()
    first = ROWS.with_columns(x=pl.Series([1, None, 2])).with_columns(only=pl.lit("a"))
    second = ROWS.with_columns(n=pl.col("n") + 10).select("x", "n", "at")
    for name, part in (("a", first), ("b", second)):
        write = {"csv": part.write_csv, "jsonl": part.write_ndjson, "parquet": part.write_parquet}
        write[suffix](tmp_path / "parts" / f"{name}.{suffix}")
    source = Source("s", "parts", id="n", event_time="at", contract=Contract(at=Timestamp()))
    schema = effective_schema(source, read_schema(source, tmp_path))
    assert schema == Schema.of(
        n=DType.INT64, at=DType.TIMESTAMP, x=DType.FLOAT64, only=DType.STRING
    )
    log = SqliteLog(None)
    report = ingest(source, tmp_path, log)
    assert (report.accepted, {column.name for column in report.profile}) == (6, set(schema.names))
    facts = read_source_rows(source, log=log)
    assert facts.sort("n").select("x", "only").rows() == [
        *[(1.0, "a"), (None, "a"), (2.0, "a")],
        *[(1.5, None), (None, None), (2.0, None)],
    ]


def test_a_column_that_fits_no_type_of_all_parts_names_the_files(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    ROWS.with_columns(x=pl.lit("much")).write_parquet(tmp_path / "parts" / "b.parquet")
    ROWS.write_parquet(tmp_path / "parts" / "a.parquet")
    schema = found(tmp_path, "parts").schema
    assert (schema.names, schema.unusable) == (
        ("n", "at"),
        (("x", "it is float64 in a.parquet and string in b.parquet"),),
    )


def test_a_part_that_breaks_the_contract_of_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    ROWS.write_parquet(tmp_path / "parts" / "a.parquet")
    ROWS.with_columns(x=pl.lit(True)).write_parquet(tmp_path / "parts" / "b.parquet")
    with pytest.raises(UnusableColumn, match=r"it is boolean in b\.parquet and float64 in the"):
        effective_schema(declared("parts"), read_schema(declared("parts"), tmp_path))


def test_columns_of_other_types_are_left_out_and_named(tmp_path: Path) -> None:
    ROWS.with_columns(
        tags=pl.lit(["a"]), place=pl.struct("n"), _hidden=pl.lit(1), vector=pl.lit([1.0])
    ).write_parquet(tmp_path / "a.parquet")
    schema = found(tmp_path, "a.parquet").schema
    assert schema.names == ("n", "at", "x", "vector")
    assert dict(schema.unusable) == {
        "tags": "it is List(String), which no source stores",
        "place": "it is Struct({'n': Int64}), which no source stores",
        "_hidden": "its name is reserved",
    }


def test_json_values_are_read_as_they_are_pushed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"n": "A1", "at": "2013-01-01", "x": 1, "big": 12345678901234567890, "v": [1, 2.5]}\n\n'
        '{"n": 12, "at": "2013-01-01", "x": 2.5, "o": {"p": 1}}\n'
    )
    columns = found(tmp_path, "a.jsonl", Contract(at=Timestamp()))
    assert columns.schema == Schema.of(
        n=DType.STRING,
        at=DType.TIMESTAMP,
        x=DType.FLOAT64,
        big=DType.STRING,
        v=DType.LIST_FLOAT64,
    )
    assert columns.schema.unusable == (("o", "row 2 holds a JSON object"),)
    source = Source("s", "a.jsonl", id="n", event_time="at", contract=Contract(at=Timestamp()))
    log = SqliteLog(None)
    assert ingest(source, tmp_path, log).accepted == 2
    facts = read_source_rows(source, log=log)
    assert facts.select("n", "x", "big", "v").rows() == [
        ("A1", 1.0, "12345678901234567890", [1.0, 2.5]),
        ("12", 2.5, None, None),
    ]


def test_a_parquet_column_of_texts_is_a_number_where_the_contract_says_how_it_is_written(
    tmp_path: Path,
) -> None:
    ROWS.with_columns(x=pl.lit("1.234,5"), y=None).write_parquet(tmp_path / "a.parquet")
    contract = Contract(at=Timestamp(), x=Float64(decimal=",", thousands="."), y=Float64())
    source = Source("s", "a.parquet", id="n", event_time="at", contract=contract)
    log = SqliteLog(None)
    assert ingest(source, tmp_path, log).accepted == 3
    facts = read_source_rows(source, log=log)
    assert facts.select("x", "y").unique().rows() == [(1234.5, None)]


def test_an_object_without_any_column_is_a_broken_row(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"n": 1, "at": "2013-01-01", "x": 1}\n')
    schema = effective_schema(declared("a.jsonl"), read_schema(declared("a.jsonl"), tmp_path))
    (tmp_path / "a.jsonl").write_text('{}\n{"other": 1}\n')
    [rows] = iter_rows(declared("a.jsonl"), tmp_path / "a.jsonl", rows=10)
    broken = CompiledSource(declared("a.jsonl"), schema).prepare(rows).broken
    assert broken["reason"].to_list() == ["id_missing,event_time_missing"] * 2


def test_a_line_that_is_no_object_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n[2]\n')
    with pytest.raises(FileUnreadable, match="row 2 is no JSON object"):
        found(tmp_path, "a.jsonl")


def test_every_column_has_the_name_that_the_header_gives_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(',"it""s","a,b",Größe,n,N,*,^x$\n1,2,3,4,5,6,7,8\n')
    columns = found(tmp_path, "a.csv")
    assert columns.schema.names == ("", 'it"s', "a,b", "Größe", "n", "N")
    assert [name for name, _ in columns.schema.unusable] == ["*", "^x$"]
