"""The traces of a server, where they are asked for, and what `/metrics` says of them."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from mainspring.engines.otel.errors import TracesNotInstalled
from mainspring.engines.otel.target import trace_target
from mainspring.ports.traces import Tracer, TraceSettings

if TYPE_CHECKING:
    from mainspring.engines.otel.export import SpanExport

__all__ = ["ServerTraces", "SpanCounts", "traces_of"]

_LOG = logging.getLogger("mainspring.server")


class ServerTraces(NamedTuple):
    """What begins the spans of a server, and what sends them."""

    tracer: Tracer
    export: "SpanExport"


@contextmanager
def traces_of(
    declared: TraceSettings | None,
    url: str,
    about: Mapping[str, str],
    *,
    scheme: str = "http",
    environment: Mapping[str, str] = os.environ,
) -> Iterator[ServerTraces | None]:
    """The traces of this process while the block runs; None where none are asked for.

    Args:
        declared: in the settings.
        url: of a collector, as an option has it; or nothing.
        about: what the spans say of this server.
        scheme: that it is called by.
        environment: with the variables of OpenTelemetry.

    Raises: TracesNotInstalled SRV-058, TracesUnusable SRV-059, SecretMissing ENG-014.
    """
    target = trace_target(declared, url, environment)
    if target is None:
        yield None
        return
    try:
        from mainspring.engines.otel.export import open_span_export
    except ModuleNotFoundError as error:
        missing = TracesNotInstalled(where=target.where, package=error.name or "opentelemetry")
        if target.is_declared:
            raise missing from error
        # Variables in the environment of a machine are for every program there.
        _LOG.warning("%s", missing)
        yield None
        return
    with open_span_export(target, about) as export:
        yield ServerTraces(Tracer(export.note, target.sampling, scheme=scheme), export)


class SpanCounts(Collector):
    """How many spans a collector has taken, and how many were dropped."""

    def __init__(self, export: "SpanExport") -> None:
        self._export = export

    def collect(self) -> Iterator[CounterMetricFamily]:
        """As of now."""
        yield CounterMetricFamily(
            "mainspring_spans_sent", "Spans that the collector has taken.", value=self._export.sent
        )
        yield CounterMetricFamily(
            "mainspring_spans_dropped",
            "Spans that found no room, or that the collector did not take; expected to be 0.",
            value=self._export.dropped,
        )
