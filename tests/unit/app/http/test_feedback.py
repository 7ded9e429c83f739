"""`POST /v1/feedback`, over a log of predictions and the source of their labels."""

from dataclasses import replace

import pytest

from mainspring.app.sources import find_present
from mainspring.elements.time import DAY
from mainspring.engines.local.objects import MemoryObjects
from mainspring.registry.errors import UnknownAsset
from mainspring.serving.inference_log import inference_segments
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import IngestJournal, SourceWriter
from mainspring.sources.spec import Source, bind_source
from mainspring.sources.topic import topic_of
from tests.unit.app.http.conftest import PROJECT


@pytest.fixture
def compiled(model):
    """The label's source, which is called otherwise since the model was trained."""
    trained_on = model.training_set.spec.label.source
    renamed = bind_source(
        Source("verdicts", id="trip", event_time="at", renamed_from="truth"), trained_on.stream
    )
    return CompiledSource(renamed, model.training_set.schemas["truth"])


@pytest.fixture
def truth(compiled, log, state, clock):
    """Takes in rows of the label's source."""

    def writer(name, actor):
        if name != compiled.source.name:
            raise UnknownAsset(kind="source", name=name, known=compiled.source.name)
        journal = IngestJournal(state, PROJECT, "dev", actor, clock)
        return SourceWriter(
            compiled, log=log, clock=clock, objects=MemoryObjects(), journal=journal
        )

    return writer


@pytest.fixture
def service(service, truth, compiled):
    def present(source):
        return find_present(source, {compiled.source.name: compiled})

    return replace(service, writer=truth, present_source=present)


@pytest.fixture
def predicted(post, row):
    """The ids of predictions of rows."""

    def predicted(*rows):
        answer = post("/v1/endpoints/late/predict", {"rows": list(rows or [row])}).json()
        return [each["id"] for each in answer["predictions"]]

    return predicted


@pytest.fixture
def feedback(post):
    return lambda *rows, **more: post("/v1/feedback", {"rows": list(rows), **more})


def test_a_label_is_a_fact_of_its_source_whatever_that_is_called_by_now(feedback, predicted, log):
    [name] = predicted()
    answer = feedback({"prediction": name, "label": True})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    [frame] = log.read(topic_of("truth"))
    assert frame.select("trip", "late").rows() == [("t1", True)]


def test_the_same_feedback_twice_is_a_duplicate_and_another_is_a_conflict(feedback, predicted):
    [name] = predicted()
    row = {"prediction": name, "label": True}
    assert feedback(row).json()["accepted"] == 1
    assert feedback(row).json()["duplicates"] == 1
    other = {**row, "label": False}
    assert sum(feedback(other).json()["quarantined"].values()) == 1
    assert feedback(other, op="replace").json()["revised"] == 1


def test_a_label_by_key_needs_no_prediction(feedback):
    row = {"trip": "t9", "at": "1970-01-01T00:07:00Z", "late": False}
    assert feedback(row, endpoint="late").json()["accepted"] == 1


def test_rows_are_refused_one_by_one(feedback, predicted, row):
    [known] = predicted()
    [keyless] = predicted({name: value for name, value in row.items() if name != "trip"})
    answer = feedback(
        {"prediction": "prediction-of-nobody", "label": True},
        {"prediction": keyless, "label": True},
        {"trip": "t9", "label": True},
        {"prediction": known, "label": True},
        {"prediction": "unlogged-01jd3", "label": True},
    ).json()
    refused = [(each["row"], each["code"]) for each in answer["refused"]]
    assert refused == [(0, "SRV-008"), (1, "SRV-080"), (2, "SRV-083"), (4, "SRV-111")]
    assert answer["accepted"] == 1
    assert "send trip in the row" in answer["refused"][1]["remedy"]


def test_who_may_not_write_the_source_or_for_the_endpoint_writes_nothing(
    client, predicted, token_for, log
):
    [name] = predicted()
    body = {"rows": [{"prediction": name, "label": True}]}
    for headers in (
        token_for("predict"),
        token_for("ingest", sources=["others"]),
        token_for("ingest", endpoints=["others"]),
    ):
        assert client.post("/v1/feedback", headers=headers, json=body).status_code == 403
    assert topic_of("truth") not in log.topics()
    allowed = token_for("ingest", sources=["verdicts"], endpoints=["late"])
    assert client.post("/v1/feedback", headers=allowed, json=body).json()["accepted"] == 1


def test_feedback_of_another_form_is_refused(feedback, post):
    assert feedback().json()["code"] == "SRV-005"
    for body in ({"rows": [1]}, {"row": []}, {"rows": [], "op": "delete"}, b"{"):
        assert post("/v1/feedback", body).status_code == 400


def test_a_fact_is_seen_from_when_it_came_and_not_from_its_prediction_on(
    feedback, predicted, log, clock
):
    [name] = predicted()
    asked_at = clock.now()
    clock.advance(DAY)
    assert feedback({"prediction": name, "label": True}).json()["accepted"] == 1
    [frame] = log.read(topic_of("truth"))
    times = frame.select("_event_time", "_visible_at", "_appended_at").rows()
    assert times == [(asked_at, asked_at + DAY, asked_at + DAY)]


def test_a_prediction_that_retention_has_removed_says_so(feedback, predicted, log):
    [removed], [kept] = predicted(), predicted()
    [topic] = inference_segments(log, "inference:dev:late")
    log.trim(topic, 1)
    answer = feedback(*({"prediction": name, "label": True} for name in (removed, kept))).json()
    [refused] = answer["refused"]
    assert (answer["accepted"], refused["row"], refused["code"]) == (1, 0, "SRV-084")
    assert "name endpoint 'late'" in refused["remedy"]


def test_an_endpoint_that_cannot_take_labels_refuses_the_call(feedback, predicted):
    [name] = predicted()
    rows = ({"prediction": name, "label": True}, {"trip": "t9", "label": True})
    unknown, refused = (feedback(*rows, endpoint=each) for each in ("nobody", "refused"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "SRV-001")
    assert (refused.status_code, refused.json()["code"]) == (503, "SRV-003")
    assert feedback(rows[0]).json()["duplicates"] == 0


def test_who_may_not_write_for_an_endpoint_does_not_learn_what_is_there(client, token_for):
    headers = token_for("ingest", endpoints=["late"])
    for name in ("refused", "nobody"):
        body = {"rows": [{"trip": "t9", "label": True}], "endpoint": name}
        answer = client.post("/v1/feedback", headers=headers, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "ACC-031")


def test_a_row_with_an_object_as_a_value_is_named_by_its_place_in_the_call(
    feedback, predicted, log
):
    [name] = predicted()
    good = {"prediction": name, "label": True}
    answer = feedback({"prediction": "nobody"}, good, {**good, "late": {"a": 1}, "label": {"a": 1}})
    assert (answer.status_code, answer.json()["code"]) == (422, "SRC-006")
    assert "row 2 holds a dict in 'late'" in answer.json()["detail"]
    assert topic_of("truth") not in log.topics()


@pytest.mark.parametrize(
    "name", [None, "", [[1]], {"a": 1}, 7, "a\0b", "-" * 9_000, "p-" + "9" * 99]
)
def test_what_names_no_prediction_is_refused_in_its_row(feedback, name):
    [refused] = feedback({"prediction": name, "label": True}).json()["refused"]
    assert (refused["code"], len(refused["detail"]) < 1_000) == ("SRV-008", True)


def test_ten_thousand_rows_are_one_call_and_one_more_are_none(feedback, predicted):
    [name] = predicted()
    rows = [{"prediction": name, "label": True}] * 10_000
    assert feedback(*rows).json()["duplicates"] == 9_999
    assert feedback(*rows, rows[0]).status_code == 413
