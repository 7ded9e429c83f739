"""What a turn did stands in the span of its one call, or in one of its own that its calls have
links to.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from mainspring.elements.events import Actor
from mainspring.ports.errors import StoreFailed
from mainspring.ports.http import Call
from mainspring.ports.traces import SpanRecord, Tracer
from mainspring.serving.errors import ScoreNotFinite
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.infer import InferTurns
from mainspring.serving.protocol.statistics import StatisticsKeeper
from mainspring.testing.failing import FailingLog, Failures
from tests.unit.serving.conftest import Adder, Linear
from tests.unit.serving.test_api import TENSOR

PARTS = ["features", "model", "log"]


class Traces:
    """Makes calls that are traced or not, and has their spans."""

    def __init__(self) -> None:
        self.records = list[SpanRecord]()
        self.tracer = Tracer(self.records.append)

    def call(self, body, *, is_traced=True):
        payload = json.dumps(body).encode()
        call = Call("POST", path={"name": "late"}, body=payload, actor=Actor("person:ada"))
        return call._replace(span=self.tracer.begin({})) if is_traced else call

    def named(self, name):
        return [each for each in self.records if each.name == name]

    def names(self):
        return [each.name for each in self.records]


@pytest.fixture
def traces():
    return Traces()


def test_a_turn_of_one_has_its_parts_in_the_span_of_its_call(api, row, traces):
    call = traces.call({"rows": [row, row]})
    answer = json.loads(api.predict(call).body)["predictions"]
    assert traces.names() == PARTS
    assert {each.parent_id for each in traces.records} == {call.span.context.span_id}
    assert {each.context.trace_id for each in traces.records} == {call.span.context.trace_id}
    features, scored, logged = traces.records
    assert features.attributes["mainspring.views"] == ["delays"]
    assert scored.attributes["mainspring.model"] == "late v1"
    assert scored.attributes["mainspring.rows"] == 2
    assert logged.attributes["mainspring.log.records"] == 1
    assert features.ended_ns <= scored.began_ns
    assert scored.ended_ns <= logged.began_ns
    assert call.span.attributes["mainspring.prediction.ids"] == [each["id"] for each in answer]
    assert call.span.attributes["mainspring.model.version"] == answer[0]["version"]
    assert call.span.links == []


def test_a_turn_of_several_has_a_span_of_its_own_linked_both_ways(api, row, traces):
    calls = [traces.call({"rows": [row]}) for _ in range(2)]
    calls.append(traces.call({"rows": [row]}, is_traced=False))
    api.predict_together(calls).settled()
    [turn] = traces.named("predict")
    parts = [each for each in traces.records if each is not turn]
    assert [each.name for each in parts] == PARTS
    assert {each.parent_id for each in parts} == {turn.context.span_id}
    assert turn.parent_id == 0
    assert turn.attributes["mainspring.turn.calls"] == 3
    assert [*turn.links] == [each.span.context for each in calls[:2]]
    assert [each.span.links for each in calls[:2]] == [[turn.context]] * 2
    assert turn.context.trace_id not in {each.span.context.trace_id for each in calls[:2]}
    assert parts[-1].ended_ns <= turn.ended_ns


def test_a_turn_of_which_none_is_traced_has_no_span(api, row, traces):
    calls = [traces.call({"rows": [row]}, is_traced=False) for _ in range(3)]
    api.predict_together(calls).settled()
    assert traces.records == []


def test_what_cannot_be_answered_is_said_by_its_code(
    api_of,
    served,
    model,
    row,
    traces,
):
    broken = replace(served.endpoints["late"], current=replace(model, scorer=Linear(2)))
    api, _ = api_of(replace(served, endpoints={"late": broken}))
    call = traces.call({"rows": [row | {"bags": None}]})
    [refused] = api.predict_together([call])
    assert refused.code == "SRV-022"
    # The model ran; that its answer is no number shows after it.
    assert traces.names() == ["features", "model"]
    assert "mainspring.prediction.ids" not in call.span.attributes


def test_a_bad_call_leaves_the_others_their_spans(api, row, traces):
    calls = [traces.call({"rows": [row]}), traces.call({"rows": "none"})]
    api.predict_together(calls).settled()
    assert traces.named("predict")[0].attributes["mainspring.turn.calls"] == 2
    assert "mainspring.rows" in calls[0].span.attributes
    assert "mainspring.rows" not in calls[1].span.attributes


def test_a_log_that_cannot_be_written_ends_the_turn_with_its_error(
    api_of, served, predictor, log, row, traces
):
    failing = FailingLog(log, Failures(every=1))
    api, _ = api_of(served, predictor=replace(predictor, log=failing))
    answers = api.predict_together([traces.call({"rows": [row]}) for _ in range(2)])
    with pytest.raises(StoreFailed):
        answers.settled()
    assert traces.named("predict")[0].error == traces.named("log")[0].error == "ENG-001"


def test_an_explanation_is_a_part_of_the_call_that_asks_for_it(api, row, traces):
    calls = [traces.call({"rows": [row], "explain": asks}) for asks in (True, False)]
    api.predict_together(calls).settled()
    [said] = traces.named("explain")
    assert said.parent_id == calls[0].span.context.span_id


class Broken(Adder):
    """A model that fails on a row whose first value is 13."""

    def predict(self, matrix):
        if (matrix[:, 0] == 13).any():
            raise ScoreNotFinite(rows="row 1", missing="nothing is missing")
        return np.sum(matrix, axis=1)


def infer(scorer, calls):
    model = matrix_model("sum", "sum v1", scorer, ["a", "b"])
    return InferTurns(lambda _: model, StatisticsKeeper(lambda: 0)).answer_all(calls)


def test_calls_of_the_protocol_that_one_run_answers_share_a_span(traces):
    calls = [traces.call({"inputs": [TENSOR]}) for _ in range(3)]
    infer(Adder(2), calls)
    [turn] = traces.named("infer")
    [run] = traces.named("model")
    assert run.parent_id == turn.context.span_id
    assert run.attributes["mainspring.rows"] == 3
    assert {each.span.attributes["mainspring.model"] for each in calls} == {"sum"}


def test_a_run_that_fails_is_said_and_each_call_has_a_run_of_its_own(traces):
    bad = TENSOR | {"data": [13, 1]}
    calls = [traces.call({"inputs": [each]}) for each in (TENSOR, bad)]
    good, refused = infer(Broken(2), calls)
    assert (good.status, refused.code) == (200, "SRV-022")
    [turn] = traces.named("infer")
    assert turn.error == "SRV-022"
    alone = {each.context.trace_id: each.error for each in traces.named("model")}
    assert alone[calls[0].span.context.trace_id] is None
    assert alone[calls[1].span.context.trace_id] == "SRV-022"
