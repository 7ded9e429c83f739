"""Rows are the same rows in whatever form they are pushed."""

import io
import json
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.engines.local.decoder import BodyDecoder, DecodingLimits
from mainspring.ports.errors import BadRequest, BodyTooComplex
from mainspring.ports.http import Call
from mainspring.sources.bodies import UnknownBodyForm
from mainspring.sources.bodies.read import BodyReader
from mainspring.sources.raw.body import decode_rows
from tests.unit.sources.conftest import Desk, row

ROWS = [row(1), row(2, delay=901.0), row(3, carrier=None), row(4, delay=7)]
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
PARQUET, LINES = "application/vnd.apache.parquet", "application/x-ndjson"


@pytest.fixture(scope="module")
def decoder() -> Iterator[BodyDecoder]:
    found = BodyDecoder(DecodingLimits(rows=100, columns=20, size_bytes=10_000))
    yield found
    found.close()


def body_of(frame: pl.DataFrame, form: str) -> bytes:
    written = io.BytesIO()
    match form:
        case "application/vnd.apache.arrow.stream":
            frame.write_ipc_stream(written)
        case "application/vnd.apache.arrow.file":
            frame.write_ipc(written)
        case "application/vnd.apache.parquet":
            frame.write_parquet(written)
        case _:
            return b"\n".join(json.dumps(each).encode() for each in frame.to_dicts()) + b"\n\n"
    return written.getvalue()


def read(decoder: BodyDecoder, form: str, body: bytes, op: str = ""):
    call = Call("POST", query={"op": op}, headers={"content-type": form}, body=body)
    return BodyReader(decoder.decode).read(call)


@pytest.mark.parametrize("form", [LINES, "application/jsonl", STREAM, FILE, PARQUET])
def test_a_row_is_the_same_row_in_every_form(desk: Desk, decoder: BodyDecoder, form: str) -> None:
    before = desk.take(*ROWS)
    assert before.accepted == 2
    pushed = read(decoder, form, body_of(pl.DataFrame(ROWS, strict=False), form))
    after = desk.writer().write_rows(pushed.rows, op=pushed.op)
    assert (after.accepted, after.duplicates, after.quarantined) == (0, 2, before.quarantined)


def test_lines_are_stored_as_they_came(desk: Desk, decoder: BodyDecoder) -> None:
    pushed = read(decoder, LINES, b'{"flight": 1.0}\n\n {"flight":  2}\r\n', op="delete")
    assert pushed.written == b'[{"flight": 1.0}, {"flight":  2}\r]'
    assert (pushed.rows, pushed.op) == ([{"flight": 1.0}, {"flight": 2}], "delete")


def test_what_looks_like_a_stored_value_is_written_anew(decoder: BodyDecoder) -> None:
    for body in (b'{"$": "bytes", "value": "YQ=="}', b'{"\\u0024": "bytes"}'):
        assert read(decoder, LINES, body).written == b""


@pytest.mark.parametrize("body", [b'{"a":\n1}', b"[1]", b"{", b'{"a": {}}', b"\xff"])
def test_a_line_that_is_no_row_is_named(decoder: BodyDecoder, body: bytes) -> None:
    with pytest.raises(BadRequest, match="row 2 is no JSON object"):
        read(decoder, LINES, b'{"a": 1}\n' + body)


@pytest.mark.parametrize("form", [STREAM, FILE, PARQUET])
@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_body_that_is_cut_off_is_refused(decoder: BodyDecoder, form: str, cut: int) -> None:
    whole = body_of(pl.DataFrame(ROWS, strict=False), form)
    with pytest.raises(BadRequest, match="the body is no"):
        read(decoder, form, whole[:cut] if form != STREAM else whole[: min(cut, 40)])


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"n": range(101)}),
        pl.DataFrame({f"c{n}": [1] for n in range(21)}),
        pl.DataFrame({"s": ["x" * 5_000] * 3}),
        pl.DataFrame({"s": pl.Series(["x" * 5_000] * 3, dtype=pl.Categorical)}),
        pl.DataFrame({"s": [[["x" * 5_000]] * 3]}),
    ],
    ids=["rows", "columns", "text", "dictionary", "lists"],
)
@pytest.mark.parametrize("form", [STREAM, PARQUET])
def test_a_body_that_becomes_too_much_is_refused(
    decoder: BodyDecoder, form: str, frame: pl.DataFrame
) -> None:
    with pytest.raises(BodyTooComplex):
        read(decoder, form, body_of(frame, form))


def test_an_unknown_form_is_named() -> None:
    call = Call("POST", headers={"content-type": "text/CSV; charset=utf-8"}, body=b"a\n1")
    with pytest.raises(UnknownBodyForm, match="text/csv"):
        BodyReader().read(call)
    with pytest.raises(BadRequest, match="op="):
        BodyReader().read(
            Call("POST", query={"op": "upsert"}, headers={"content-type": LINES}, body=b"")
        )


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=2))),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.one_of(st.just("$"), st.text(max_size=3)), values)))
def test_text_is_decided_on_as_it_is_read_again(rows: list[dict[str, object]]) -> None:
    body = json.dumps({"rows": rows}).encode()
    pushed = BodyReader().read(Call("POST", body=body))
    assert pushed.rows == rows
    if pushed.written:
        assert decode_rows(pushed.written, "json") == pushed.rows
    else:
        assert any("$" in row for row in rows) or b'"$"' in body
