"""A collector of OpenTelemetry that takes spans by OTLP over HTTP, for servers that send some."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["Collector", "ReceivedSpan", "collecting"]

_SERVER_KIND = 2


class ReceivedSpan(NamedTuple):
    """A span as it arrived; ids in hexadecimal."""

    name: str
    trace: str
    span: str
    parent: str
    is_server: bool
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    error: str
    took_ns: int
    tracestate: str
    resource: dict[str, Any]


class Collector:
    """What a collector was sent.

    Args:
        status: what it answers; 200 takes the spans.
        reason: what it says of it.
        said: more headers of the answer.
    """

    def __init__(self) -> None:
        self.status, self.url = 200, ""
        self.reason: str | None = None
        self.said = dict[str, str]()
        self.headers = list[dict[str, str]]()
        self.paths = set[str]()
        self._spans, self._arrived = list[ReceivedSpan](), threading.Condition()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """One request with spans."""
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        given = ExportTraceServiceRequest.FromString(body)
        with self._arrived:
            self.paths.add(path)
            self.headers.append(headers)
            self._spans += [*_spans_of(given)] if self.status == 200 else []
            self._arrived.notify_all()

    def spans(self, count: int = 1, *, named: str = "") -> list[ReceivedSpan]:
        """The spans of a name, or all, once there are so many."""

        def found() -> list[ReceivedSpan]:
            return [each for each in self._spans if not named or each.name == named]

        with self._arrived:
            assert self._arrived.wait_for(lambda: len(found()) >= count, 30), self._spans
            return found()

    def requests(self, count: int) -> list[dict[str, str]]:
        """The headers of the requests, once there were so many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.headers) >= count, 30), self.headers
            return self.headers


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(each) for each in value.array_value.values]
    return getattr(value, kind)


def _said(attributes: Any) -> dict[str, Any]:
    return {each.key: _plain(each.value) for each in attributes}


def _spans_of(given: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for of_resource in given.resource_spans:
        resource = _said(of_resource.resource.attributes)
        for each in (span for scope in of_resource.scope_spans for span in scope.spans):
            yield ReceivedSpan(
                each.name,
                each.trace_id.hex(),
                each.span_id.hex(),
                each.parent_span_id.hex(),
                each.kind == _SERVER_KIND,
                _said(each.attributes),
                [(link.trace_id.hex(), link.span_id.hex()) for link in each.links],
                each.status.message if each.status.code == 2 else "",
                each.end_time_unix_nano - each.start_time_unix_nano,
                each.trace_state,
                resource,
            )


@contextmanager
def collecting(port: int = 0) -> Iterator[Collector]:
    """A collector that runs while the block does."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            collector.take(self.path, headers, self.rfile.read(int(headers["content-length"])))
            self.send_response(collector.status, collector.reason)
            self.send_header("Content-Length", "0")
            for name, value in collector.said.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
