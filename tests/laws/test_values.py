"""One value, one reading, at every place where values arrive: all of them are asked the same."""

import csv
import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mainspring as ms
from mainspring import col
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.row import compile_row
from mainspring.elements.schema import DType, Field, Schema
from mainspring.elements.values.columns import read_column
from mainspring.elements.values.guess import TextGuess, plain_type, wider_type
from mainspring.elements.values.scalar import BAD, BadValue, read_value, text_of_value
from mainspring.elements.values.spelling import Spelling
from mainspring.features.cast import cast_columns
from mainspring.features.errors import SpineUnusable, WrongRequestType
from mainspring.features.requests import cast_entity_keys, prepare_spine
from mainspring.features.view import CompiledView, compile_view
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.contract import contract_schema
from mainspring.sources.files import iter_rows
from mainspring.sources.spec import ColumnContract

TYPES = [
    DType.INT64,
    DType.FLOAT64,
    DType.BOOLEAN,
    DType.STRING,
    DType.TIMESTAMP,
]
SPELLINGS = [
    Spelling(),
    Spelling(nulls=("N/A", "0")),
    Spelling(decimal=",", thousands="."),
    Spelling(format="%d/%m/%Y %H:%M", zone="Europe/Vienna"),
    Spelling(zone="America/New_York"),
]
KNOWN_TEXTS = [
    *("2024-05-01T12:00Z", "2024-05-01T12", "20240501T120000Z", "2024-W18-3", "2024-05-01t12:00z"),
    *("2024-05-01T12:00:00,123456789+02", "2024-05-01 12:00:00 +0200", "2024-05-01T12:00:00.5Z"),
    *("2024-5-1", "2024-05-01T23:59:60Z", "2024-05-01T9:00Z", "2024-05-01T24:00", "2024-02-30"),
    *("31/03/2024 02:30", "27/10/2024 02:30", "2024-03-10T02:30", "0001-01-01", "9999-12-31T12"),
    *("18", "18.0", "18.5", "1e3", "1e400", "007", "+5", " 7 ", "1.234,5", "1,234.5", "12.34"),
    *("9223372036854775807", "9223372036854775808", "1e-400", "inf", "nan", "-0", "-0.0", "١٢"),
    *("true", "TRUE", "False", "yes", "1", "0", "1.0", "N/A", "", " ", "NaN", "00501"),
]
texts = st.sampled_from(KNOWN_TEXTS) | st.text(
    st.sampled_from("0123456789.,+-eET:Z W/ntrueNA"), max_size=20
)
instants = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001
kinds = [
    texts,
    st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    st.floats() | st.sampled_from([18.0, -0.0, 0.1, 2.0**63, 1e16]),
    st.booleans(),
    instants,
    instants.map(lambda moment: moment.replace(tzinfo=UTC)),
]


def source_of(dtype: DType, spelling: Spelling, path: str | None = None) -> ms.Source:
    promised = ColumnContract(dtype, allow_nan=True, spelling=spelling)
    contract = ms.Contract(n=ms.Int64(), at=ms.Timestamp(), k=promised)
    return ms.Source("s", path, id="n", event_time="at", contract=contract)


def view_of(dtype: DType, spelling: Spelling) -> CompiledView:
    source = source_of(dtype, spelling)
    view = ms.FeatureView(
        "v", source=source, entities=[ms.Entity("k")], windows=["1d"], features={"n": ms.count()}
    )
    return compile_view(view, contract_schema(source), shard="v")


def plain(column: pl.Series) -> list[object]:
    return (column.to_physical() if column.dtype.is_temporal() else column).to_list()


def accepted(source: ms.Source, frame: pl.DataFrame) -> list[object]:
    """What a source makes of the column k: values, None, and BAD for a row in quarantine."""
    prepared = CompiledSource(source, contract_schema(source)).prepare(frame)
    found = dict(zip(prepared.kept["_row"], plain(prepared.kept["k"]), strict=True))
    assert set(prepared.broken["reason"]) <= {"type:k"}
    return [found.get(row, BAD) for row in range(frame.height)]


def rows_of(values: Sequence[object]) -> list[dict[str, object]]:
    return [{"n": n, "at": "2024-05-01", "k": value} for n, value in enumerate(values)]


def asked(read: Callable[[object], object], values: Sequence[object]) -> list[object]:
    answers: list[object] = []
    for value in values:
        try:
            answers.append(read(value))
        except (WrongRequestType, SpineUnusable):
            answers.append(BAD)
    return answers


def readings(dtype: DType, spelling: Spelling, values: list[object]) -> dict[str, list[object]]:
    """What every place makes of these values, which are of one kind."""
    source, view = source_of(dtype, spelling), view_of(dtype, spelling)
    compiled = CompiledSource(source, contract_schema(source))
    request = Schema((Field("k", dtype, spelling=spelling),))
    found = {
        "pushed": accepted(source, compiled.frame_of(rows_of(values))),
        "request": asked(
            lambda v: cast_columns([{"k": v}], request, passthrough=Schema(())).columns["k"][0],
            values,
        ),
        "key": asked(lambda v: cast_entity_keys([{"k": v}], [view]).columns["k"][0], values),
    }
    if spelling == Spelling() and dtype is not DType.BOOLEAN and set(map(type, values)) == {str}:
        found |= casts(dtype, values)
    frame = pl.DataFrame(rows_of(values), infer_schema_length=None)
    found["frame"] = accepted(source, frame)
    found["spine"] = asked(
        lambda v: plain(
            prepare_spine(pl.DataFrame({"k": [v], "prediction_time": ["2024-05-01"]}), [view])["k"]
        )[0],
        values,
    )
    with TemporaryDirectory() as folder:
        found |= files(Path(folder), dtype, spelling, values, frame)
    return found


def casts(dtype: DType, texts: list[object]) -> dict[str, list[object]]:
    """What an expression makes of texts; it has null in place of what is no value."""
    node, schema = col("k").cast(dtype).node, Schema.of(k=DType.STRING)
    column = pl.DataFrame({"k": texts}, {"k": pl.String}).select(to_polars(node, schema))
    row = compile_row({"k": node}, schema)
    read = [read_value(dtype, text) for text in texts]

    def told(values: Sequence[object]) -> list[object]:
        return [BAD if w is BAD and v is None else v for v, w in zip(values, read, strict=True)]

    return {
        "columns": told(plain(column.to_series())),
        "row": told([row({"k": text})["k"] for text in texts]),
    }


def files(
    root: Path, dtype: DType, spelling: Spelling, values: list[object], frame: pl.DataFrame
) -> dict[str, list[object]]:
    frame.write_parquet(root / "a.parquet")
    written = ["a.parquet"]
    if all(isinstance(value, str) for value in values):
        with (root / "a.csv").open("w", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerows([["n", "at", "k"], *(row.values() for row in rows_of(values))])
        written.append("a.csv")
    if all(isinstance(v, str | int) or (isinstance(v, float) and v - v == 0) for v in values):
        (root / "a.jsonl").write_text("\n".join(map(json.dumps, rows_of(values))))
        written.append("a.jsonl")
    found = {}
    for name in written:
        source = source_of(dtype, spelling, name)
        [rows] = iter_rows(source, root / name, rows=100)
        found[name] = accepted(source, rows)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(TYPES),
    st.sampled_from(SPELLINGS),
    st.sampled_from(kinds).flatmap(lambda kind: st.lists(kind, min_size=1, max_size=12)),
)
def test_every_place_reads_a_value_alike(
    dtype: DType, spelling: Spelling, values: list[object]
) -> None:
    wanted = [read_value(dtype, value, spelling) for value in values]
    for place, found in readings(dtype, spelling, values).items():
        assert repr(found) == repr(wanted), place


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([dtype for dtype in DType if dtype is not DType.ZONED]),
    st.sampled_from(SPELLINGS),
    st.lists(st.none() | texts, max_size=20),
)
def test_a_column_of_texts_is_read_as_each_text_alone(
    dtype: DType, spelling: Spelling, values: list[str | None]
) -> None:
    field = Field("k", dtype, spelling=spelling)
    read = read_column(pl.Series("k", values, dtype=pl.String), field)
    alone = [read_value(dtype, value, spelling) for value in values]
    wanted = [None if isinstance(value, BadValue) else value for value in alone]
    if dtype is not DType.LIST_TIMESTAMP:
        assert repr(plain(read)) == repr(wanted)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(TYPES),
    st.sampled_from(SPELLINGS),
    st.lists(st.one_of(st.none(), *kinds), min_size=1, max_size=12),
)
def test_a_pushed_row_does_not_depend_on_the_kinds_beside_it(
    dtype: DType, spelling: Spelling, values: list[object]
) -> None:
    source = source_of(dtype, spelling)
    frame = CompiledSource(source, contract_schema(source)).frame_of(rows_of(values))
    wanted = [read_value(dtype, value, spelling) for value in values]
    if frame.height:
        assert repr(accepted(source, frame)) == repr(wanted)


@given(st.sampled_from(TYPES), st.sampled_from(SPELLINGS), st.one_of(*kinds))
def test_the_text_of_a_value_is_read_as_the_value(
    dtype: DType, spelling: Spelling, value: object
) -> None:
    reading = read_value(dtype, value, spelling)
    if reading is None or isinstance(reading, BadValue):
        return
    text = text_of_value(dtype, reading, spelling)
    if text not in spelling.nulls and (dtype is DType.STRING or text.strip()):
        assert repr(read_value(dtype, text, spelling)) == repr(reading)


@pytest.mark.parametrize(
    ("dtype", "value", "read"),
    [
        (DType.INT64, np.int8(7), 7),
        (DType.INT64, np.float64(18.0), 18),
        (DType.INT64, Decimal("18.00"), 18),
        (DType.INT64, np.uint64(2**63), BAD),
        (DType.INT64, float("nan"), None),
        (DType.FLOAT64, np.float32(0.1), 0.10000000149011612),
        (DType.FLOAT64, Decimal("0.1"), 0.1),
        (DType.INT64, Decimal("sNaN"), BAD),
        (DType.BOOLEAN, Decimal("sNaN"), BAD),
        (DType.STRING, Decimal("NaN"), BAD),
        (DType.STRING, Decimal("1.50"), "1.5"),
        (DType.STRING, Decimal("1E-7"), "1e-07"),
        (DType.STRING, Decimal("12345678901234567890.120"), "12345678901234567890.12"),
        (DType.BOOLEAN, np.bool_(True), True),
        (DType.STRING, np.str_("a"), "a"),
        (DType.TIMESTAMP, date(1970, 1, 2), 86_400_000_000),
        (DType.TIMESTAMP, np.datetime64("1970-01-01T00:00:00.000001999", "ns"), 1),
        (DType.TIMESTAMP, np.datetime64("NaT"), None),
        (DType.DURATION, np.timedelta64(1, "ms"), 1000),
        (DType.DURATION, timedelta(days=1), 86_400_000_000),
        (DType.BYTES, np.bytes_(b"x"), b"x"),
        (DType.LIST_FLOAT64, np.array([1, 2]), [1.0, 2.0]),
    ],
)
def test_values_of_other_libraries_are_the_values_that_they_stand_for(
    dtype: DType, value: object, read: object
) -> None:
    assert repr(read_value(dtype, value)) == repr(read)


@given(st.lists(st.none() | texts, max_size=30), st.integers(1, 30))
def test_a_guess_holds_for_every_text_and_names_the_first_that_made_it(
    values: list[str | None], size: int
) -> None:
    guess = TextGuess("k")
    for start in range(0, len(values), size):
        guess.look(pl.Series(values[start : start + size], dtype=pl.String))
    said = [value for value in values if value and value.strip()]
    dtype = plain_type(said[0]) if said else DType.STRING
    for text in said:
        dtype = wider_type(dtype, plain_type(text)) or DType.STRING
    assert guess.guess.dtype is dtype
    assert all(read_value(dtype, text) is not BAD for text in said)
    if said:
        place = (guess.guess.row or 0) - 1
        assert values[place] == guess.guess.value


BEYOND = 253_402_300_800_000_000
"""The microsecond after the last that Python's calendar has."""
STORED_OTHERWISE = [
    (pl.Series([0.1, 2.0, -0.5, math.inf], dtype=pl.Float16), DType.INT64, [None, 2, None, None]),
    (pl.Series([BEYOND, 0]).cast(pl.Datetime("us")), DType.TIMESTAMP, [None, 0]),
    (pl.Series([BEYOND // 1000, 0]).cast(pl.Datetime("ms")), DType.TIMESTAMP, [None, 0]),
    (pl.Series([BEYOND, 0]).cast(pl.Datetime("us")), DType.BOOLEAN, [None, None]),
    (pl.Series([BEYOND, 0]).cast(pl.Datetime("us")), DType.STRING, [None, "1970-01-01T00:00:00"]),
    (pl.Series([3_000_000, 0]).cast(pl.Int32).cast(pl.Date), DType.TIMESTAMP, [None, 0]),
]


@pytest.mark.parametrize("spelling", [Spelling(), Spelling(zone="Africa/Abidjan"), SPELLINGS[1]])
@pytest.mark.parametrize(("column", "dtype", "values"), STORED_OTHERWISE)
def test_what_a_column_holds_beyond_its_type_is_no_value(
    column: pl.Series, dtype: DType, values: list[object], spelling: Spelling
) -> None:
    field = Field("k", dtype, spelling=spelling)
    assert plain(read_column(column, field)) == values


@pytest.mark.parametrize("dtype", TYPES)
def test_an_instant_beyond_the_calendar_is_refused_wherever_it_is_asked_for(dtype: DType) -> None:
    view, rows = view_of(dtype, Spelling()), {"prediction_time": ["2024-05-01"]}
    frame = pl.DataFrame({"k": pl.Series([BEYOND]).cast(pl.Datetime("us")), **rows})
    with pytest.raises(SpineUnusable, match=r"holds .*10000-01-01"):
        prepare_spine(frame, [view])
    if dtype is DType.TIMESTAMP:
        with pytest.raises(WrongRequestType):
            cast_entity_keys(frame, [view])
