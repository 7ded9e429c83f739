"""Sends spans to a collector, in a thread of its own.

Whoever ends a span appends it to a queue and goes on.  The queue is bounded, and so is the time
that a collector has to take what is sent: what finds no room, or is not taken, is dropped and
counted, and no request ever waits for it.  The SDK's own processor is not used: it makes a span an
object with locks while the request runs, and does not say what it drops.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from mainspring.elements.text import clipped
from mainspring.engines.otel.encoded import SpanEncoder, resource_of
from mainspring.engines.otel.target import TraceTarget
from mainspring.ports.traces import SpanRecord

__all__ = ["SpanExport", "SpanExportLimits", "open_span_export"]

_LOG = logging.getLogger("mainspring.server")
_EXPORTER_LOG = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_LONGEST_LINE = 1_000
_PROVIDERS = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER",
)


@dataclass(frozen=True, kw_only=True)
class SpanExportLimits:
    """The limits of sending spans.

    Args:
        waiting: how many spans wait to be sent.
        batch: how many are sent at once, at most.
        gather_s: how long spans are gathered for one request to the collector.
        flush_s: how long a server that ends waits for a collector to take the rest.
    """

    waiting: int = 8_192
    batch: int = 512
    gather_s: float = 1.0
    flush_s: float = 3.0


class SpanExport:
    """Takes spans from any thread, and sends them.

    Its counts: `sent`, and `dropped` of what was not.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        encoder: SpanEncoder,
        limits: SpanExportLimits = SpanExportLimits(),
    ) -> None:
        self._exporter, self._encoder, self._limits = exporter, encoder, limits
        self._waiting = deque[SpanRecord]()
        self._wake, self._stop, self._counting = (
            threading.Event(),
            threading.Event(),
            threading.Lock(),
        )
        self._is_resting = self._is_over = False
        self.sent = self.dropped = 0

    def note(self, record: SpanRecord) -> None:
        """Have a span sent; it does not wait.  Cost: 0.2 µs."""
        if self._is_over or len(self._waiting) >= self._limits.waiting:
            with self._counting:
                self.dropped += 1
            return
        self._waiting.append(record)
        # The thread says that it rests before it looks once more, so none is overlooked.
        if self._is_resting:
            self._is_resting = False
            self._wake.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send while the block runs, and after it what waits still, for a while."""
        thread = threading.Thread(target=self._send_all, name="mainspring-traces", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._wake.set()
            thread.join(self._limits.flush_s)
            with self._counting:
                self._is_over = True
                left = len(self._waiting)
                self.dropped += left
            # Ends an attempt that waits to be made again.
            self._exporter.shutdown()
            if left:
                _LOG.warning("%d spans were not sent: the collector did not take them", left)

    def _send_all(self) -> None:
        while not self._stop.is_set():
            self._rest()
            self._send_waiting()
        self._send_waiting()

    def _rest(self) -> None:
        """Until there is a span, and then for others to gather."""
        self._is_resting = True
        if not self._waiting:
            self._wake.wait()
        self._wake.clear()
        self._is_resting = False
        self._stop.wait(self._limits.gather_s)

    def _send_waiting(self) -> None:
        while self._waiting and not self._is_over:
            count = min(len(self._waiting), self._limits.batch)
            # They wait until they are taken: so a server that ends meanwhile counts them.
            is_sent = self._is_sent([self._waiting[place] for place in range(count)])
            self._have_ended(count, is_sent=is_sent)

    def _have_ended(self, count: int, *, is_sent: bool) -> None:
        with self._counting:
            if self._is_over:
                # They are counted as dropped.
                return
            for _ in range(count):
                self._waiting.popleft()
            if is_sent:
                self.sent += count
            else:
                self.dropped += count

    def _is_sent(self, records: Sequence[SpanRecord]) -> bool:
        try:
            self._encoder.settle()
            spans = [self._encoder.encoded(each) for each in records]
            return self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception:
            # The edge of the thread: what one batch meets costs that batch, and not all later ones.
            _LOG.exception("%d spans could not be sent", len(records))
            return False


@contextmanager
def open_span_export(
    target: TraceTarget,
    attributes: Mapping[str, str],
    limits: SpanExportLimits = SpanExportLimits(),
) -> Iterator[SpanExport]:
    """What sends spans while the block runs.

    Args:
        attributes: what the spans say of the server that sends them.
    """
    for doubt in target.doubts:
        _LOG.warning("traces: %s", doubt)
    resource = resource_of({**attributes, "service.name": target.service})
    # Certificates, compression, timeouts and further headers it reads from the environment.
    session = None if any(map(os.environ.get, _PROVIDERS)) else _session()
    exporter = OTLPSpanExporter(
        endpoint=target.url, headers=target.headers or None, session=session
    )
    logger, once = logging.getLogger(_EXPORTER_LOG), _OnceAnOutage()
    logger.addFilter(once)
    export = SpanExport(exporter, SpanEncoder(resource), limits)
    once.export = export
    try:
        with export.running():
            yield export
    finally:
        logger.removeFilter(once)


def _session() -> requests.Session:
    """Where the exporter sends spans through.  It takes a redirection for success, so that all
    spans would be lost and counted as sent.
    """
    session = requests.Session()
    session.hooks["response"].append(_refuse_redirection)
    return session


def _refuse_redirection(response: requests.Response, **_: object) -> None:
    if response.status_code in range(300, 400):
        response.close()
        place = response.headers.get("location", "")
        raise requests.TooManyRedirects(
            f"status {response.status_code} is no answer of a collector; it is at {place!r}"
        )


class _OnceAnOutage(logging.Filter):
    """Lets one line of an exporter through until spans are taken again: it has one for each attempt
    of each batch, and a collector may be down for days.
    """

    export: SpanExport
    _sent_before = -1

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written; what a collector has said in it is of one line, and short."""
        if self._sent_before == self.export.sent:
            return False
        self._sent_before = self.export.sent
        said = record.getMessage()
        if not said.isprintable():
            said = ascii(said)
        record.msg, record.args = clipped(said, _LONGEST_LINE), ()
        return True
