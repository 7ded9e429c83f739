"""What is counted of requests that wait for a model, and of those that were not let in."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

__all__ = ["AdmissionMetrics"]


class AdmissionMetrics(Collector):
    """How many requests are under way for each model, and how many were not let in, and why."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._depths: Callable[[], Mapping[str, int]] = dict
        self._limit = 0
        self.rejected = Counter(
            "mainspring_requests_rejected",
            "Requests that were not let in: the queue of the model was full, or its caller asks "
            "too often.",
            ["endpoint", "reason"],
            registry=registry,
        )
        registry.register(self)

    def watch(self, depths: Callable[[], Mapping[str, int]], *, limit: int) -> None:
        """Say where the depths of queues are from now on.

        Args:
            depths: how many requests are under way, by model; called by any thread.
            limit: how many may be.
        """
        self._depths, self._limit = depths, limit

    def count(self, model: str, reason: str) -> None:
        """Count a request that was not let in.

        Args:
            model: empty for one that nobody knows; anybody can make names up, and each would stay.
            reason: `queue` or `rate`.
        """
        self.rejected.labels(model, reason).inc()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As of now."""
        depth = GaugeMetricFamily(
            "mainspring_queue_depth",
            "Requests that are let in and not answered, by model.",
            labels=["endpoint"],
        )
        for model, under_way in self._depths().items():
            depth.add_metric([model], under_way)
        yield depth
        yield GaugeMetricFamily(
            "mainspring_queue_limit",
            "How many requests may be under way for a model.",
            value=self._limit,
        )
