"""Spans in the words of OpenTelemetry's packages."""

from collections.abc import Mapping
from importlib.metadata import version
from time import monotonic_ns, time_ns
from uuid import uuid4

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from mainspring.ports.traces import SpanContext as Context
from mainspring.ports.traces import SpanRecord

__all__ = ["SpanEncoder", "resource_of"]

_KINDS = {"server": SpanKind.SERVER, "internal": SpanKind.INTERNAL}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_DRIFT_NS = 1_000_000


def resource_of(attributes: Mapping[str, str]) -> Resource:
    """What sends the spans; what `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` say wins.

    Args:
        attributes: of this server; those that are empty are left out.
    """
    known = {
        "service.name": "mainspring",
        "service.version": version("mainspring"),
        # Of this process: workers have one each.
        "service.instance.id": str(uuid4()),
        **{name: value for name, value in attributes.items() if value},
    }
    return Resource.create(known).merge(OTELResourceDetector().detect())


class SpanEncoder:
    """Makes of records what an exporter takes; one thread uses it.

    The clock of a span is the monotonic one, so that a clock that is set has no span lie about how
    long it took; between the two clocks is one distance for all spans, until they have moved apart
    by a millisecond: a part then never begins before its whole.
    """

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._scope = InstrumentationScope("mainspring", version("mainspring"))
        self._offset_ns = time_ns() - monotonic_ns()

    def settle(self) -> None:
        """Look whether the clocks have moved apart."""
        offset_ns = time_ns() - monotonic_ns()
        if abs(offset_ns - self._offset_ns) > _DRIFT_NS:
            self._offset_ns = offset_ns

    def encoded(self, record: SpanRecord) -> ReadableSpan:
        """A span as an exporter takes it."""
        state = TraceState.from_header([record.tracestate]) if record.tracestate else TraceState()
        parent = None
        if record.parent_id:
            above = Context(record.context.trace_id, record.parent_id)
            parent = _context(above, state, is_remote=record.is_parent_remote)
        error = record.error
        return ReadableSpan(
            name=record.name,
            context=_context(record.context, state),
            parent=parent,
            resource=self._resource,
            attributes=dict(record.attributes),
            links=[Link(_context(each)) for each in record.links],
            kind=_KINDS[record.kind],
            status=Status() if error is None else Status(StatusCode.ERROR, error),
            start_time=record.began_ns + self._offset_ns,
            end_time=record.ended_ns + self._offset_ns,
            instrumentation_scope=self._scope,
        )


def _context(
    context: Context, state: TraceState | None = None, *, is_remote: bool = False
) -> SpanContext:
    return SpanContext(context.trace_id, context.span_id, is_remote, _SAMPLED, state)
