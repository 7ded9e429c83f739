"""Spans reach a collector, or are counted; nobody ever waits for them."""

import logging
import threading
from contextlib import contextmanager
from types import MappingProxyType

import pytest

from mainspring.engines.otel.export import SpanExportLimits, open_span_export
from mainspring.engines.otel.target import trace_target
from mainspring.ports.traces import Tracer
from tests.otlp_receiver import collecting

QUICK = SpanExportLimits(waiting=50, batch=10, gather_s=0.01, flush_s=0.2)
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def exporting(url, limits=QUICK, about=MappingProxyType({}), **variables):
    with open_span_export(trace_target(None, url, variables), about, limits) as export:
        yield export, Tracer(export.note)


def end_some(tracer, count, name="x"):
    for _ in range(count):
        tracer.begin({}).end(name, "server")


def test_spans_arrive_with_what_was_said_of_them():
    about = {"deployment.environment.name": "dev"}
    with collecting() as collector, exporting(collector.url, about=about) as (export, tracer):
        first, second = tracer.begin({}), tracer.begin_apart()
        second.links.append(first.context)
        second.attributes |= {"words": ["a", "b"], "count": 2, "share": 0.5, "is": True}
        second.end("turn", "internal", "SRV-022")
        first.end("GET /x", "server")
        [turn] = collector.spans(named="turn")
        [call] = collector.spans(named="GET /x")
    assert collector.paths == {"/v1/traces"}
    assert turn.attributes == {"words": ["a", "b"], "count": 2, "share": 0.5, "is": True}
    assert turn.links == [(call.trace, call.span)]
    assert (turn.error, call.error) == ("SRV-022", "")
    assert (turn.is_server, call.is_server) == (False, True)
    assert turn.trace != call.trace
    assert call.resource["service.name"] == "mainspring"
    assert call.resource["deployment.environment.name"] == "dev"
    assert (export.sent, export.dropped) == (2, 0)


def test_a_server_that_ends_sends_what_waits():
    with (
        collecting() as collector,
        exporting(collector.url, SpanExportLimits(gather_s=60.0)) as (export, tracer),
    ):
        end_some(tracer, 3)
    assert len(collector.spans(3)) == 3
    assert (export.sent, export.dropped) == (3, 0)


def test_what_finds_no_room_is_dropped_and_counted():
    patient = SpanExportLimits(waiting=50, batch=10, gather_s=60.0, flush_s=20.0)
    with collecting() as collector, exporting(collector.url, patient) as (export, tracer):
        end_some(tracer, 80)
        assert export.dropped == 30
    assert len(collector.spans(50)) == 50
    assert (export.sent, export.dropped) == (50, 30)


def test_where_no_collector_is_each_span_is_counted_once(caplog):
    with exporting(NOWHERE) as (export, tracer):
        end_some(tracer, 80)
    assert (export.sent, export.dropped) == (0, 80)
    assert "spans were not sent" in caplog.text
    end_some(tracer, 1)
    assert export.dropped == 81


def test_what_a_collector_refuses_is_dropped_and_later_spans_arrive():
    with collecting() as collector, exporting(collector.url) as (export, tracer):
        collector.status = 400
        end_some(tracer, 3, "refused")
        collector.requests(1)
        collector.status = 200
        end_some(tracer, 4, "taken")
        assert len(collector.spans(4)) == 4
    assert (export.sent, export.dropped) == (4, 3)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
def test_a_redirection_takes_no_spans(status, caplog):
    with collecting() as collector, exporting(collector.url) as (export, tracer):
        collector.status = status
        collector.said = {"Location": "/v1/traces"}
        end_some(tracer, 3)
        collector.requests(1)
    assert (export.sent, export.dropped) == (0, 3)
    assert f"status {status} is no answer of a collector" in caplog.text
    assert not collector.spans(0)


def test_what_a_collector_says_is_one_short_line(caplog):
    with collecting() as collector, exporting(collector.url) as (export, tracer):
        collector.status, collector.reason = 400, "\x1b[31m" + "no" * 9_000
        end_some(tracer, 3)
        collector.requests(1)
    [line] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert "\\x1b[31mnono" in line
    assert line.isprintable()
    assert len(line) == 1_000
    assert export.dropped == 3


def test_a_batch_that_cannot_be_said_costs_itself_alone(caplog):
    with collecting() as collector, exporting(collector.url) as (export, tracer):
        # A lone surrogate is no text that a message can hold.
        tracer.begin({}).end("\ud800", "server")
        while not export.dropped:
            threading.Event().wait(0.01)
        end_some(tracer, 1, "after")
        collector.spans(named="after")
    assert (export.sent, export.dropped) == (1, 1)


def test_an_outage_is_one_line_in_the_log(caplog):
    caplog.set_level(logging.WARNING)
    with exporting(NOWHERE, SpanExportLimits(gather_s=0.01, flush_s=2.0)) as (_, tracer):
        end_some(tracer, 5)
    lines = [each for each in caplog.records if each.name.startswith("opentelemetry")]
    assert len(lines) == 1


def test_headers_and_the_name_of_the_service_are_the_environments(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=pricing")
    variables = {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret"}
    with collecting() as collector, exporting(collector.url, **variables) as (_, tracer):
        end_some(tracer, 1)
        [span] = collector.spans()
    assert collector.headers[0]["x-key"] == "secret"
    assert (span.resource["service.name"], span.resource["team"]) == ("shop", "pricing")


@pytest.mark.parametrize("at", [1, 7])
def test_threads_end_spans_at_once_and_none_is_lost(at):
    room = SpanExportLimits(waiting=100_000, gather_s=0.01, flush_s=20.0)
    with collecting() as collector, exporting(collector.url, room) as (export, tracer):
        threads = [threading.Thread(target=end_some, args=(tracer, 500)) for _ in range(at)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert (export.sent, export.dropped) == (500 * at, 0)
    assert len({each.span for each in collector.spans(500 * at)}) == 500 * at
