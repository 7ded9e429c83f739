"""What the server counts, for Prometheus; one registry per server, so that two servers in one
process do not share counts.
"""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mainspring.app.http.access_log import AccessLogCounts
from mainspring.app.http.traces import ServerTraces, SpanCounts
from mainspring.app.http.worker_metrics import WorkerMetrics
from mainspring.engines.local.access_log import AccessLog
from mainspring.engines.local.inherited import WorkerPlace
from mainspring.engines.prometheus import AdmissionMetrics, RequestMetrics
from mainspring.ports.metrics import DURATION_BOUNDS_S
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.predict import Prediction
from mainspring.sources.ingest import IngestReport

__all__ = ["ServerMetrics"]


class ServerMetrics:
    """Counters and gauges of one server.

    Args:
        place: among the workers behind one port, of all of which a scrape tells; None for a server
            by itself.
        access: the access log, of which it tells.
        traces: of which it tells too.
    """

    _compared: tuple[int, int] | None = None

    def __init__(
        self,
        place: WorkerPlace | None = None,
        access: AccessLog | None = None,
        traces: ServerTraces | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        if traces is not None:
            self.registry.register(SpanCounts(traces.export))
        if access is not None:
            self.registry.register(AccessLogCounts(access))
        self.workers = WorkerMetrics(self.registry, place) if place else None
        self.http, self.admission = RequestMetrics(self.registry), AdmissionMetrics(self.registry)
        self._measure_state()
        self._measure_predictions()
        self.seconds = Histogram(
            "mainspring_predict_seconds",
            "Time to answer a predict request.",
            ["endpoint"],
            buckets=DURATION_BOUNDS_S,
            registry=self.registry,
        )
        self.events = Counter(
            "mainspring_events",
            "Rows pushed to sources by outcome.",
            ["source", "outcome"],
            registry=self.registry,
        )
        self.features = Counter(
            "mainspring_feature_rows", "Rows of features read.", ["read"], registry=self.registry
        )
        self.map_version = Gauge(
            "mainspring_map_version",
            "Version of the environment that is served.",
            registry=self.registry,
        )
        self.refused = Gauge(
            "mainspring_model_refused",
            "1 while the deployed model of an endpoint is refused because it is not proven.",
            ["endpoint"],
            registry=self.registry,
        )
        self.parity_checked = Counter(
            "mainspring_parity_checked",
            "Reads recomputed from the log and compared as bytes.",
            registry=self.registry,
        )
        self.parity_mismatch = Counter(
            "mainspring_parity_mismatch",
            "Of these, reads that differ; expected to be 0.",
            registry=self.registry,
        )

    def _measure_predictions(self) -> None:
        """How many rows are predicted, and how many of them are not logged, or not yet."""
        self.predictions = Counter(
            "mainspring_predictions",
            "Rows predicted.",
            ["endpoint", "version"],
            registry=self.registry,
        )
        self.unlogged = Counter(
            "mainspring_predictions_unlogged",
            "Of these, rows that are not logged: left out by a sample, or by a full queue.",
            ["endpoint"],
            registry=self.registry,
        )
        self.pending = Gauge(
            "mainspring_predictions_pending",
            "Rows that were answered and wait to be logged.",
            registry=self.registry,
        )

    def _measure_state(self) -> None:
        """What is served, and what it takes on disk."""
        self.models = Gauge(
            "mainspring_model_info",
            "1 for each model version that answers: the current one of an endpoint, and the "
            "previous one while a new one takes over; `provider` is what it computes on.",
            ["endpoint", "model", "version", "role", "provider"],
            registry=self.registry,
        )
        self.log_bytes = Gauge(
            "mainspring_log_bytes",
            "Bytes on disk of the logs, by log.",
            ["log"],
            registry=self.registry,
        )

    def set_models(self, served: ServedEnvironment) -> None:
        """Say which models answer now."""
        self.models.clear()
        for name, endpoint in served.endpoints.items():
            self.refused.labels(name).set(bool(endpoint.refusal))
            for role, model in (("current", endpoint.current), ("previous", endpoint.previous)):
                if model is not None:
                    version, provider = model.version[7:19], model.scorer.placed.name
                    self.models.labels(name, model.label, version, role, provider).set(1)

    def set_log_bytes(self, sizes: Mapping[str, int]) -> None:
        """Say how large the logs are."""
        for log, size in sizes.items():
            self.log_bytes.labels(log).set(size)

    def count_predictions(
        self, endpoint: str, predictions: Sequence[Prediction], seconds: float
    ) -> None:
        """Count the predictions of one answered call, all of one version."""
        self.predictions.labels(endpoint, predictions[0].version[7:19]).inc(len(predictions))
        if left_out := sum(not (each.logged or each.queued) for each in predictions):
            self.unlogged.labels(endpoint).inc(left_out)
        self.seconds.labels(endpoint).observe(seconds)

    def count_events(self, source: str, report: IngestReport) -> None:
        """Count the rows of one push by what became of them."""
        for outcome, count in (
            ("accepted", report.accepted),
            ("duplicate", report.duplicates),
            ("quarantined", sum(report.quarantined.values())),
        ):
            self.events.labels(source, outcome).inc(count)

    def count_features(self, read: str, rows: int) -> None:
        """Count the rows of one answered request for features."""
        self.features.labels(read).inc(rows)

    def count_parity(self, checked: int, mismatched: int) -> None:
        """Count up to what an environment has compared altogether; the first call says where
        counting begins.
        """
        before = self._compared or (checked, mismatched)
        # An older state that was put back has counted less.
        self.parity_checked.inc(max(0, checked - before[0]))
        self.parity_mismatch.inc(max(0, mismatched - before[1]))
        self._compared = checked, mismatched

    def render(self) -> bytes:
        """The text exposition format."""
        return self.workers.render() if self.workers else generate_latest(self.registry)
