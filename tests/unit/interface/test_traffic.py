"""Rates, quantiles and shares from two scrapes."""

from mainspring.interface.traffic import parse_samples, quantile_of, traffic_of

BEFORE = """
mainspring_requests_total{route="/p",status="200"} 10
mainspring_requests_total{route="/p",status="503"} 1
mainspring_request_duration_seconds_bucket{route="/p",le="0.001"} 4
mainspring_request_duration_seconds_bucket{route="/p",le="0.01"} 11
mainspring_request_duration_seconds_bucket{route="/p",le="+Inf"} 11
mainspring_predictions_total{endpoint="late",version="a"} 5
"""
AFTER = """
mainspring_requests_total{route="/p",status="200"} 28
mainspring_requests_total{route="/p",status="503"} 3
mainspring_request_duration_seconds_bucket{route="/p",le="0.001"} 14
mainspring_request_duration_seconds_bucket{route="/p",le="0.01"} 31
mainspring_request_duration_seconds_bucket{route="/p",le="+Inf"} 31
mainspring_requests_in_flight{route="/p"} 2
mainspring_predictions_total{endpoint="late",version="a"} 8
mainspring_predictions_total{endpoint="late",version="b"} 1
mainspring_model_info{endpoint="late",model="late v2",version="b",role="current"} 1
mainspring_map_version 7
mainspring_queue_depth{endpoint="late"} 3
mainspring_queue_limit 64
mainspring_requests_rejected_total{endpoint="late",reason="queue"} 4
mainspring_requests_rejected_total{endpoint="late",reason="rate"} 2
mainspring_log_bytes{log="log"} 100
"""


def test_rates_are_those_between_two_scrapes():
    found = traffic_of(parse_samples(BEFORE), parse_samples(AFTER), seconds=2)
    [route] = found.routes
    assert (route.requests_per_s, route.errors_per_s, route.in_flight) == (10, 1, 2)
    assert (route.p50_ms, route.p99_ms) == (1.0, 9.82)
    assert (found.map_version, found.log_bytes) == (7, 100)


def test_shares_are_those_of_the_rows_between_two_scrapes():
    [late] = traffic_of(parse_samples(BEFORE), parse_samples(AFTER), seconds=2).endpoints
    assert late.shares == {"a": 0.75, "b": 0.25}
    assert late.models == {"current": "late v2"}
    assert (late.rows_per_s, late.p99_ms) == (2, None)


def test_queues_are_as_they_are_and_refusals_are_those_between_two_scrapes():
    found = traffic_of(parse_samples(BEFORE), parse_samples(AFTER), seconds=2)
    [late] = found.endpoints
    assert (found.queue_limit, late.queued, late.refused_per_s) == (64, 3, 3)


def test_a_server_without_an_environment_has_models_all_the_same():
    text = 'mainspring_model_info{endpoint="m",model="m 1",version="1",role="current"} 1\n'
    found = traffic_of({}, parse_samples(text), seconds=1)
    assert (found.map_version, found.queue_limit) == (0, 0)
    assert [(each.endpoint, each.models) for each in found.endpoints] == [("m", {"current": "m 1"})]


def test_a_server_that_began_anew_counts_from_zero():
    found = traffic_of(parse_samples(AFTER), parse_samples(BEFORE), seconds=1)
    assert found.routes[0].requests_per_s == 11


def test_workers_behind_one_port_are_added():
    text = 'mainspring_requests_total{route="/p",status="200",worker="%d"} 3\n'
    found = traffic_of({}, parse_samples(text % 0 + text % 1), seconds=1)
    assert found.routes[0].requests_per_s == 6


def test_what_lies_beyond_the_last_bound_has_that_bound():
    assert quantile_of([(1.0, 0.0), (float("inf"), 3.0)], 0.5) == 1.0


def test_what_all_workers_look_at_is_not_added():
    text = (
        'mainspring_map_version{worker="%d"} 4\nmainspring_log_bytes{log="log",worker="%d"} 100\n'
    )
    found = traffic_of({}, parse_samples(text % (1, 1) + text % (2, 2)), seconds=1)
    assert (found.map_version, found.log_bytes) == (4, 100)
