"""`POST /v1/feedback`, over a log of predictions and the source of their labels."""

from dataclasses import replace

import pytest

from mainspring.app.http.routes import build_http_service
from mainspring.engines.http.application import asgi_application
from mainspring.engines.local.objects import MemoryObjects
from mainspring.registry.errors import UnknownAsset
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import IngestJournal, SourceWriter
from mainspring.sources.topic import topic_of
from tests.unit.app.http.conftest import PROJECT, Client


@pytest.fixture
def truth(model, log, state, clock):
    """Takes in rows of the label's source."""
    source = model.training_set.spec.label.source
    compiled = CompiledSource(source, model.training_set.schemas["truth"])

    def writer(name, actor):
        if name != "truth":
            raise UnknownAsset(kind="source", name=name, known="truth")
        journal = IngestJournal(state, PROJECT, "dev", actor, clock)
        return SourceWriter(
            compiled, log=log, clock=clock, objects=MemoryObjects(), journal=journal
        )

    return writer


@pytest.fixture
def client(service, truth):
    client = Client(asgi_application(build_http_service(replace(service, writer=truth))))
    yield client
    client.close()


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


def test_a_label_by_id_is_a_fact_of_the_label_source(feedback, predicted, log):
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
    ).json()
    refused = [(each["row"], each["code"]) for each in answer["refused"]]
    assert refused == [(0, "SRV-008"), (1, "SRV-080"), (2, "SRV-083")]
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
    allowed = token_for("ingest", sources=["truth"], endpoints=["late"])
    assert client.post("/v1/feedback", headers=allowed, json=body).json()["accepted"] == 1


def test_feedback_of_another_form_is_refused(feedback, post):
    assert feedback().json()["code"] == "SRV-005"
    for body in ({"rows": [1]}, {"row": []}, {"rows": [], "op": "delete"}, b"{"):
        assert post("/v1/feedback", body).status_code == 400
