"""What is counted of requests, of admission and of models, as a scrape tells it."""

import pytest
from prometheus_client import CollectorRegistry

from mainspring.engines.prometheus import (
    AdmissionMetrics,
    InferenceMetrics,
    ModelInfo,
    RequestMetrics,
)
from mainspring.ports.http import Call, RecordedAnswers, Reply, Route, json_reply
from mainspring.ports.metrics import DURATION_BOUNDS_S, InferenceCounts

CALL = Call("GET", "/p")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def requests(registry: CollectorRegistry) -> RequestMetrics:
    return RequestMetrics(registry)


def test_an_answer_is_counted_by_route_and_status(
    registry: CollectorRegistry, requests: RequestMetrics
) -> None:
    route = requests.counting(Route("GET", "/p", "read", lambda _: json_reply({}, 201)))
    route.handler(CALL)
    labels = {"route": "/p", "status": "201"}
    assert registry.get_sample_value("mainspring_requests_total", labels) == 1
    duration = "mainspring_request_duration_seconds_count"
    assert registry.get_sample_value(duration, {"route": "/p"}) == 1
    assert registry.get_sample_value("mainspring_requests_in_flight", {"route": "/p"}) == 0


def test_health_is_not_counted(requests: RequestMetrics) -> None:
    route = Route("GET", "/healthz", None, lambda _: json_reply({}))
    assert requests.counting(route) is route


def test_of_a_turn_each_answer_is_counted_and_what_is_refused_is_left_to_its_refusal(
    registry: CollectorRegistry, requests: RequestMetrics
) -> None:
    answers = [json_reply({}), ValueError("no"), json_reply({}), json_reply({}, 503)]
    route = Route("GET", "/p", "read", lambda _: json_reply({}), together=lambda _: answers)
    counting = requests.counting(route).together
    assert counting is not None
    counting([CALL] * 4)
    found = {
        status: registry.get_sample_value(
            "mainspring_requests_total", {"route": "/p", "status": status}
        )
        for status in ("200", "503", "500")
    }
    assert found == {"200": 2, "503": 1, "500": None}
    assert registry.get_sample_value("mainspring_batch_calls_sum", {"route": "/p"}) == 4


def test_answers_that_wait_for_a_record_are_counted_as_they_leave(
    registry: CollectorRegistry, requests: RequestMetrics
) -> None:
    recorded = RecordedAnswers([json_reply({})], record=lambda: None)
    route = Route("GET", "/p", "read", lambda _: json_reply({}), together=lambda _: recorded)
    counting = requests.counting(route).together
    assert counting is not None
    answers = counting([CALL])
    assert isinstance(answers, RecordedAnswers)
    labels = {"route": "/p", "status": "200"}
    assert registry.get_sample_value("mainspring_requests_total", labels) is None
    answers.leaving([json_reply({})])
    assert registry.get_sample_value("mainspring_requests_total", labels) == 1


def test_a_path_without_a_route_leaves_no_trace_but_its_fault(
    registry: CollectorRegistry, requests: RequestMetrics
) -> None:
    requests.counted(Call("GET"), Reply(404, b""))
    requests.counted(Call("GET"), Reply(500, b""))
    requests_of = [
        sample
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "mainspring_requests_total"
    ]
    assert requests_of == []
    assert registry.get_sample_value("mainspring_unhandled_errors_total", {"route": "none"}) == 1


def test_the_process_is_told_of_by_the_names_that_all_have(
    registry: CollectorRegistry, requests: RequestMetrics
) -> None:
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"):
        value = registry.get_sample_value(name)
        assert value is not None
        assert value > 0


def test_queues_are_those_of_the_moment(registry: CollectorRegistry) -> None:
    metrics, depths = AdmissionMetrics(registry), {"late": 2}
    metrics.watch(lambda: depths, limit=8)
    depths["late"] = 5
    metrics.count("late", "queue")
    assert registry.get_sample_value("mainspring_queue_depth", {"endpoint": "late"}) == 5
    assert registry.get_sample_value("mainspring_queue_limit") == 8
    labels = {"endpoint": "late", "reason": "queue"}
    assert registry.get_sample_value("mainspring_requests_rejected_total", labels) == 1


def test_times_of_a_model_are_those_of_all_its_versions(registry: CollectorRegistry) -> None:
    first, *_, last = DURATION_BOUNDS_S
    nothing = [0] * (len(DURATION_BOUNDS_S) - 1)
    counts = [
        InferenceCounts("late", "a", 10, (3, *nothing, 1), 2.5),
        InferenceCounts("late", "b", 5, (1, *nothing, 0), 0.5),
    ]
    registry.register(InferenceMetrics(lambda: counts))
    seconds = "mainspring_predict_seconds"

    def upto(bound: str) -> float | None:
        return registry.get_sample_value(f"{seconds}_bucket", {"endpoint": "late", "le": bound})

    assert (upto(str(first)), upto(str(last)), upto("+Inf")) == (4, 4, 5)
    assert registry.get_sample_value(f"{seconds}_sum", {"endpoint": "late"}) == 3
    rows = {"endpoint": "late", "version": "b"}
    assert registry.get_sample_value("mainspring_predictions_total", rows) == 5


def test_a_model_that_is_unloaded_is_told_of_no_longer(registry: CollectorRegistry) -> None:
    loaded = [("late", "a")]
    registry.register(ModelInfo(lambda: loaded))
    labels = {"endpoint": "late", "model": "late a", "version": "a", "role": "current"}
    assert registry.get_sample_value("mainspring_model_info", labels) == 1
    loaded.clear()
    assert registry.get_sample_value("mainspring_model_info", labels) is None
