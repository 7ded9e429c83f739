"""Bodies of pushes in the forms that are not JSON, and files in parts, from somebody who means
harm: a coded refusal, never an error of the server, and the server goes on.
"""

import hashlib
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.attacks.hostile import sent
from tests.attacks.mutations import KINDS
from tests.attacks.served import Served, serving
from tests.attacks.wire import Answer, Wire, shop_project

EVENTS, FILES = "/v1/sources/sales/events", "/v1/sources/sales/files"
STREAM, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
LINES = "application/x-ndjson"
SALE = {"sale": "forms", "shop": "a", "at": "2024-05-05T00:00:00Z", "amount": 1.0}
FUZZED = 60


class Caller:
    """Sends bodies to a server, in the name of a token."""

    def __init__(self, served: Served, token: str) -> None:
        self.served, self.token = served, token

    def send(self, method: str, path: str, body: bytes, *headers: str) -> Answer:
        """The answer to a request."""
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {self.token}",
            f"Content-Length: {len(body)}",
            *headers,
        ]
        wire = Wire(self.served.port)
        try:
            answer = wire.send("\r\n".join([*lines, "", ""]).encode() + body).answer()
        finally:
            wire.close()
        assert answer is not None
        return answer

    def push(self, form: str, body: bytes) -> Answer:
        """The answer to a push."""
        return self.send("POST", EVENTS, body, f"Content-Type: {form}")

    def begin(self, payload: bytes, file: str = "a.jsonl") -> dict[str, object]:
        """Declare a file."""
        digest = f"sha256:{hashlib.sha256(payload).hexdigest()}"
        declared = {"file": file, "size_bytes": len(payload), "digest": digest}
        found: dict[str, object] = json.loads(
            self.send("POST", FILES, json.dumps(declared).encode()).body
        )
        return found

    def put(self, upload: object, offset: int, part: bytes) -> Answer:
        """Send a part."""
        return self.send("PUT", f"{FILES}/{upload}", part, f"Upload-Offset: {offset}")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(shop_project(), "dev") as found:
        yield found


@pytest.fixture(scope="module")
def caller(served: Served) -> Caller:
    return Caller(served, served.workspace.token().read_text().strip())


def stream_of(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.write_ipc_stream(written)
    return written.getvalue()


def parquet_of(frame: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.write_parquet(written)
    return written.getvalue()


def test_a_row_is_taken_in_every_form(caller: Caller) -> None:
    accepted = [
        json.loads(caller.push(form, body).body)["accepted"]
        for form, body in (
            (LINES, json.dumps({**SALE, "sale": "lines"}).encode()),
            (STREAM, stream_of(pl.DataFrame([{**SALE, "sale": "arrow"}]))),
            (PARQUET, parquet_of(pl.DataFrame([{**SALE, "sale": "parquet"}]))),
        )
    ]
    assert accepted == [1, 1, 1]


def nested(depth: int) -> pl.DataFrame:
    """A value so many structs deep."""
    frame = pl.DataFrame({"s": [1]})
    for _ in range(depth):
        frame = frame.select(pl.struct("s").alias("s"))
    return frame


@pytest.mark.parametrize(
    ("form", "body", "status"),
    [
        ("text/csv", b"a\n1", 415),
        ("application/x-python-pickle", b"cos\nsystem\n(S'id'\ntR.", 415),
        (LINES, b"\xff\xfe", 400),
        (LINES, b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", 413),
        (STREAM, b"", 400),
        (STREAM, b"\xff\xff\xff\xff" + b"\xff" * 12, 400),
        (STREAM, b"\xff\xff\xff\xff\xff\xff\xff\x7f", 400),
        (STREAM, 2 * stream_of(pl.DataFrame([SALE])), 400),
        (STREAM, stream_of(pl.DataFrame([SALE])) + bytes(8), 400),
        (PARQUET, b"PAR1" + bytes(8) + b"PAR1", 400),
        (PARQUET, b"/etc/passwd", 400),
        (PARQUET, parquet_of(pl.DataFrame({"s": ["x" * 1_000_000] * 1_000})), 413),
        (PARQUET, parquet_of(pl.DataFrame({"n": pl.repeat(0, 10_000_000, eager=True)})), 413),
        (STREAM, stream_of(pl.DataFrame({f"c{n}": [1] for n in range(1_001)})), 413),
        (STREAM, stream_of(pl.DataFrame({"s": [{f"c{n}": 1 for n in range(1_001)}]})), 413),
        (STREAM, stream_of(nested(40)), 413),
        (PARQUET, parquet_of(nested(40)), 413),
    ],
    ids=range(17),
)
def test_a_hostile_body_is_refused(caller: Caller, form: str, body: bytes, status: int) -> None:
    answer = caller.push(form, body)
    assert answer.status == status, answer
    assert answer.problem["code"]


@pytest.mark.parametrize("form", [STREAM, PARQUET])
def test_a_damaged_body_ends_no_server(caller: Caller, form: str) -> None:
    frame = pl.DataFrame([{**SALE, "sale": f"damaged {n}", "v": [1.0, 2.0]} for n in range(20)])
    whole = stream_of(frame) if form == STREAM else parquet_of(frame)
    chosen = random.Random(form)
    for _ in range(FUZZED):
        body = bytearray(whole)
        place = chosen.randrange(len(body) - 8)
        body[place : place + 8] = chosen.choice(
            [b"\xff" * 8, bytes(8), (1 << 60).to_bytes(8, "little"), chosen.randbytes(8)]
        )
        answer = caller.push(form, bytes(body))
        assert answer.status in (200, 400, 413, 422), answer
    assert caller.send("GET", "/healthz", b"").status == 200


def test_an_upload_is_nobody_elses(served: Served, caller: Caller) -> None:
    payload = json.dumps({**SALE, "sale": "upload"}).encode() + b"\n"
    upload = caller.begin(payload)["upload"]
    other = Caller(served, served.workspace.tokens.create("service:x", ("ingest",)).token)
    elsewhere = served.workspace.tokens.create("service:y", ("ingest",), sources=["none"]).token
    for answer, status in (
        (other.put(upload, 0, payload), 404),
        (other.send("GET", f"{FILES}/{upload}", b""), 404),
        (Caller(served, elsewhere).put(upload, 0, payload), 403),
        (Caller(served, "msp_" + "x" * 43).put(upload, 0, payload), 401),
    ):
        assert answer.status == status, answer
    assert other.begin(payload)["upload"] != upload
    assert json.loads(caller.put(upload, 0, payload).body)["report"]["accepted"] == 1


@pytest.mark.parametrize(
    "id_", ["..%2f..%2ftoken", "%2e%2e", "a" * 32, "A" * 32, "all", "%00", "0" * 31 + "%2f"]
)
def test_an_id_is_no_path(caller: Caller, id_: str) -> None:
    before = sorted(Path(shop_project() / ".mainspring").iterdir())
    assert caller.put(id_, 0, b"x").status == 404
    assert sorted(Path(shop_project() / ".mainspring").iterdir()) == before


def test_parts_do_not_overlap_or_go_beyond(caller: Caller) -> None:
    payload = json.dumps({**SALE, "sale": "overlap"}).encode() + b"\n"
    upload = caller.begin(payload, "overlap.jsonl")["upload"]
    assert caller.put(upload, 0, payload[:20]).status == 200
    for offset, part, status in (
        (10, payload[10:30], 409),
        (0, b"x" * 20, 409),
        (30, payload[30:], 409),
        (20, payload[20:] + b"x", 413),
    ):
        assert caller.put(upload, offset, part).status == status
    assert json.loads(caller.put(upload, 20, payload[20:]).body)["report"]["accepted"] == 1


def test_a_file_that_would_end_its_reader_is_refused(caller: Caller) -> None:
    frame = pl.DataFrame([{**SALE, "sale": f"file {n}"} for n in range(20)])
    whole = bytearray(parquet_of(frame))
    whole[-40:-8] = b"\xff" * 32
    upload = caller.begin(bytes(whole), "broken.parquet")["upload"]
    answer = caller.put(upload, 0, bytes(whole))
    assert (answer.status, answer.code) == (400, "SRV-004")
    assert str(shop_project()) not in answer.body.decode()


@pytest.mark.parametrize(
    ("file", "payload", "status"),
    [
        # Each line with a column of its own: their table would grow with the square of the file.
        ("wide.jsonl", "".join(f'{{"c{n}": 1}}\n' for n in range(1_001)).encode(), 413),
        ("wide.csv", ",".join(f"c{n}" for n in range(1_001)).encode() + b"\n", 413),
        ("deep.jsonl", b'{"sale": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", 422),
        ("deep.parquet", parquet_of(nested(40)), 413),
        ("long.parquet", parquet_of(pl.DataFrame({"s": ["x" * 1_000_000] * 1_100})), 413),
    ],
    ids=["wide lines", "wide csv", "deep lines", "deep parquet", "long parquet"],
)
def test_a_hostile_file_is_refused(caller: Caller, file: str, payload: bytes, status: int) -> None:
    answer = caller.put(caller.begin(payload, file)["upload"], 0, payload)
    assert answer.status == status, answer
    assert answer.problem["code"]


BODIES = [name for name in KINDS if name.startswith("body of online")]
HOSTILE = [
    *(name for name in KINDS if name.startswith(("form ", "part"))),
    # Each body to one of the three routes; long runs send all of them to each.
    *(
        name.replace("online", ("online", "historical", "files")[place % 3])
        for place, name in enumerate(BODIES)
    ),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_kind_of_hostile_request_is_no_fault_of_ours(caller: Caller, name: str) -> None:
    status = sent(caller.served.port, KINDS[name](random.Random(name), caller.token))
    assert status != "500"
