"""What is counted of requests, and of the process that answers them."""

from collections import Counter as Tally
from collections.abc import Sequence
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from mainspring.ports.http import Answer, Answers, Call, RecordedAnswers, Reply, Route
from mainspring.ports.metrics import DURATION_BOUNDS_S

__all__ = ["RequestMetrics"]

_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class RequestMetrics:
    """Requests by route and status, their times and batches; beside them, the memory, processor
    time and file descriptors of this process by the names that all clients of Prometheus give them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "mainspring_requests",
            "HTTP requests by route and status.",
            ["route", "status"],
            registry=registry,
        )
        self.duration = Histogram(
            "mainspring_request_duration_seconds",
            "Time to answer a request, or a turn of several that are answered together, by route.",
            ["route"],
            buckets=DURATION_BOUNDS_S,
            registry=registry,
        )
        self.in_flight = Gauge(
            "mainspring_requests_in_flight",
            "Requests that are being answered, by route.",
            ["route"],
            registry=registry,
        )
        self.batch = Histogram(
            "mainspring_batch_calls",
            "Requests that were answered together, by route.",
            ["route"],
            buckets=_BATCHES,
            registry=registry,
        )
        self.unhandled = Counter(
            "mainspring_unhandled_errors",
            "Requests that ended with an error of the server; expected to be 0.",
            ["route"],
            registry=registry,
        )
        # To look a child up by its labels takes longer than to count.
        self._children: dict[tuple[str, int], Counter] = {}

    def counted(self, call: Call, reply: Reply) -> Reply:
        """The reply, counted by route and status; where there was no route nothing is counted,
        since anybody can make paths up.
        """
        if call.route:
            self._count(call.route, reply.status, 1)
        if reply.status == 500:
            self.unhandled.labels(call.route or "none").inc()
        return reply

    def counting(self, route: Route) -> Route:
        """The route with its answers counted and its time measured; those of health are asked for
        every few seconds and would drown the others.

        Cost: 4 µs a request by itself; 4 µs a turn, and 0.3 µs for each of its requests.
        """
        if route.permission is None:
            return route
        duration = self.duration.labels(route.path)
        in_flight, batch = self.in_flight.labels(route.path), self.batch.labels(route.path)
        answer_all = route.together

        def handler(call: Call) -> Reply:
            in_flight.inc()
            began = perf_counter()
            try:
                return self.counted(call, route.handler(call))
            finally:
                duration.observe(perf_counter() - began)
                in_flight.dec()

        def together(calls: Sequence[Call]) -> Answers:
            batch.observe(len(calls))
            in_flight.inc(len(calls))
            began = perf_counter()
            try:
                answers = answer_all(calls) if answer_all else ()
            finally:
                duration.observe(perf_counter() - began)
                in_flight.dec(len(calls))
            if not isinstance(answers, RecordedAnswers):
                return self._counted_all(route.path, answers)
            before = answers.leaving
            return answers._replace(
                leaving=lambda replies: self._counted_all(route.path, before(replies))
            )

        return route._replace(handler=handler, together=together if answer_all else None)

    def _counted_all(self, route: str, answers: Sequence[Answer]) -> Sequence[Answer]:
        """The answers of a turn, counted but for what is to be refused, which is counted then."""
        statuses = Tally(answer.status for answer in answers if isinstance(answer, Reply))
        for status, times in statuses.items():
            self._count(route, status, times)
        return answers

    def _count(self, route: str, status: int, times: int) -> None:
        child = self._children.get((route, status))
        if child is None:
            child = self._children[route, status] = self.requests.labels(route, str(status))
        child.inc(times)
