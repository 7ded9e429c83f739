"""The route of sources, called with records."""

import json

import polars as pl
import pytest

import mainspring as ms
from mainspring.elements.events import Actor
from mainspring.ports.errors import BadRequest, StoreBusy
from mainspring.ports.http import Call, Reply
from mainspring.sources.api import SourceApi
from mainspring.sources.bodies.read import BodyReader
from mainspring.sources.errors import SourceNotReadable
from mainspring.sources.ingest import IngestReport, SourceWriter
from tests.unit.sources.conftest import Desk, row


class Pushed:
    """The route over a desk, and what it was called for."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.writers: list[tuple[str, str]] = []
        self.reports: list[tuple[str, IngestReport]] = []
        self.api = SourceApi(self.writer, observe=lambda *args: self.reports.append(args))

    def writer(self, source: str, actor: Actor) -> SourceWriter:
        """Notes for which source, and in whose name."""
        self.writers.append((source, actor))
        return self.desk.writer()

    def push(self, body: object) -> dict[str, object]:
        """The answer to a push by Ada."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        call = Call("POST", path={"name": "arrivals"}, body=payload, actor=Actor("person:ada"))
        report: dict[str, object] = json.loads(self.api.push(call).body)
        return report


@pytest.fixture
def pushed(desk: Desk) -> Pushed:
    """The route over the desk."""
    return Pushed(desk)


def test_rows_are_taken_in_for_the_actor_of_the_call(pushed: Pushed) -> None:
    answer = pushed.push({"rows": [row(), row(2, delay=901.0)]})
    assert (answer["accepted"], pushed.desk.facts().height) == (1, 1)
    assert answer["quarantined"] == {"between:delay": 1}
    assert pushed.writers == [("arrivals", "person:ada")]


def test_an_operation_holds_for_all_rows_of_the_call(pushed: Pushed) -> None:
    pushed.push({"rows": [row()]})
    assert pushed.push({"rows": [row(delay=6.0)], "op": "replace"})["revised"] == 1


def test_the_report_is_observed(pushed: Pushed) -> None:
    pushed.push({"rows": [row(), row()]})
    [(source, report)] = pushed.reports
    assert (source, report.accepted, report.duplicates) == ("arrivals", 1, 1)


@pytest.mark.parametrize(
    "body", [b"{", [], {"rows": 1}, {"rows": [{"a": {}}]}, {"rows": [], "op": "upsert"}], ids=str
)
def test_a_body_of_another_form_is_refused_before_anything_is_taken(
    pushed: Pushed, body: object
) -> None:
    with pytest.raises(BadRequest):
        pushed.push(body)
    assert pushed.writers == []


def test_a_push_that_fails_is_not_observed(pushed: Pushed) -> None:
    def unreadable(source: str, actor: Actor) -> SourceWriter:
        raise SourceNotReadable(source=source)

    pushed.api = SourceApi(unreadable, observe=lambda *args: pushed.reports.append(args))
    with pytest.raises(SourceNotReadable):
        pushed.push({"rows": []})
    assert pushed.reports == []


def test_pushes_that_wait_are_answered_together(pushed: Pushed) -> None:
    calls = [
        Call("POST", path={"name": "arrivals"}, body=body, actor=Actor("person:ada"))
        for body in (json.dumps({"rows": [row(n)]}).encode() if n else b"{" for n in range(4))
    ]
    [route] = pushed.api.routes()
    assert (route.permission, route.blocks) == ("ingest", True)
    assert route.together is not None
    broken, *good = route.together(calls)
    assert isinstance(broken, BadRequest)
    assert [json.loads(each.body)["first_offset"] for each in good if isinstance(each, Reply)] == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize(
    ("value", "fate"),
    [("[1, 2.5]", "accepted"), ("[1]", "size:v"), ('["a", 2]', "type:v"), ("null", "accepted")],
)
def test_a_vector_is_pushed_as_a_json_array(value: str, fate: str) -> None:
    contract = ms.Contract(n=ms.Int64(), at=ms.Timestamp(), v=ms.Vector(2))
    source = ms.Source("vectors", id="n", event_time="at", contract=contract)
    n = ms.Entity("n")
    view = ms.FeatureView("w", source=source, entities=[n], ttl="1d", features=ms.latest("n"))
    workspace, reports = ms.Workspace.in_memory([view]), list[IngestReport]()

    api = SourceApi(
        lambda *_: workspace.writer("vectors"), observe=lambda _, report: reports.append(report)
    )
    body = f'{{"rows": [{{"n": 1, "at": "2024-05-01", "v": {value}}}]}}'.encode()
    api.push(Call("POST", path={"name": "vectors"}, body=body, actor=Actor("person:ada")))
    assert reports[0].accepted == (fate == "accepted")
    assert list(reports[0].quarantined) == ([] if fate == "accepted" else [fate])


class Decoded:
    """Binary pushes of one row each, and what was decoded and written, in order."""

    def __init__(self, desk: Desk, *, takes_s: float = 0.0) -> None:
        self.order, self.now_s = list[str](), 0.0
        self._desk, self._takes_s = desk, takes_s
        self.api = SourceApi(
            lambda *_: desk.writer(),
            observe=lambda *_: self.order.append("written"),
            bodies=BodyReader(self._decode),
            ready_bytes=0,
            steady_s=lambda: self.now_s,
        )

    def _decode(self, body: bytes, _: str) -> pl.DataFrame:
        self.order.append("decoded")
        self.now_s += self._takes_s
        return pl.DataFrame([row(int(body))]).with_columns(
            pl.col("landed_at").str.to_datetime("%+", time_zone="UTC")
        )

    def call(self, flight: int, form: str = "application/vnd.apache.parquet") -> Call:
        """A push of one row."""
        body = str(flight).encode() if "parquet" in form else json.dumps(row(flight)).encode()
        return Call(
            "POST",
            path={"name": "arrivals"},
            body=body,
            actor=Actor("person:ada"),
            headers={"content-type": form},
        )


def test_what_was_decoded_is_written_before_more_is(desk: Desk) -> None:
    """A turn held the rows of 256 bodies, each of which may be a quarter of a gigabyte."""
    decoded = Decoded(desk)
    answers = decoded.api.push_together([decoded.call(flight) for flight in range(3)])
    assert all(isinstance(answer, Reply) for answer in answers), answers
    assert decoded.order == ["decoded", "written"] * 3


def test_bodies_that_take_long_hold_up_no_plain_push_of_their_turn(desk: Desk) -> None:
    decoded = Decoded(desk, takes_s=20.0)
    plain = decoded.call(9, "application/x-ndjson")
    first, second, third = decoded.api.push_together([decoded.call(1), decoded.call(2), plain])
    assert isinstance(second, StoreBusy)
    assert isinstance(first, Reply)
    assert isinstance(third, Reply)
    assert decoded.order.count("decoded") == 1
