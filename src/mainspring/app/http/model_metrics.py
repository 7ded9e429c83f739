"""What a server of bare models counts, by the names that a server of an environment has for it."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, generate_latest

from mainspring.app.http.access_log import AccessLogCounts
from mainspring.app.http.traces import ServerTraces, SpanCounts
from mainspring.app.http.worker_metrics import WorkerMetrics
from mainspring.engines.local.access_log import AccessLog
from mainspring.engines.local.inherited import WorkerPlace
from mainspring.engines.prometheus import (
    AdmissionMetrics,
    InferenceMetrics,
    ModelInfo,
    RequestMetrics,
)
from mainspring.ports.http import Call, Reply
from mainspring.ports.metrics import METRICS_MEDIA_TYPE, InferenceCounts
from mainspring.serving.admission import AdmissionControl, rejection_of
from mainspring.serving.protocol.files import FileModels

__all__ = ["ModelServerMetrics"]


class ModelServerMetrics:
    """Counters and gauges of one server of bare models.

    Args:
        place: as `ServerMetrics` takes it.
        access: the access log, of which it tells.
        traces: of which it tells too.
    """

    def __init__(
        self,
        place: WorkerPlace | None = None,
        access: AccessLog | None = None,
        traces: ServerTraces | None = None,
    ) -> None:
        self._registry = CollectorRegistry()
        if traces is not None:
            self._registry.register(SpanCounts(traces.export))
        if access is not None:
            self._registry.register(AccessLogCounts(access))
        self.workers = WorkerMetrics(self._registry, place) if place else None
        self.http = RequestMetrics(self._registry)
        self._admission = AdmissionMetrics(self._registry)
        self._names: Sequence[str] = ()

    def watch(
        self,
        models: FileModels,
        counts: Callable[[], Sequence[InferenceCounts]],
        admission: AdmissionControl,
    ) -> None:
        """Tell of what one service answers, from now on."""
        self._names = models.names
        self._registry.register(InferenceMetrics(counts))
        self._registry.register(
            ModelInfo(lambda: [(each.name, each.version) for each in models.models])
        )
        self._admission.watch(
            lambda: {name: admission.under_way(name) for name in self._names},
            limit=admission.limit,
        )

    def count_rejected(self, call: Call, error: Exception) -> None:
        """Count a call that was not let in, if it was not."""
        if reason := rejection_of(error):
            name = call.path.get("name", "")
            self._admission.count(name if name in self._names else "", reason)

    def reply(self, _: Call) -> Reply:
        """`GET /metrics`: Prometheus text."""
        text = self.workers.render() if self.workers else generate_latest(self._registry)
        return Reply(200, text, METRICS_MEDIA_TYPE)
