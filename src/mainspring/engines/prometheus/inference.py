"""What models have answered, read from their statistics when somebody asks: to count it a second
time would cost each request more than its own work.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from mainspring.ports.metrics import DURATION_BOUNDS_S, InferenceCounts

__all__ = ["InferenceMetrics", "ModelInfo"]


class InferenceMetrics(Collector):
    """Rows by model and version, and a histogram of what requests for each model took.

    Args:
        counts: of every version that has answered; called by any thread.
    """

    def __init__(self, counts: Callable[[], Iterable[InferenceCounts]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """As of now."""
        rows = CounterMetricFamily(
            "mainspring_predictions", "Rows predicted.", labels=["endpoint", "version"]
        )
        seconds = HistogramMetricFamily(
            "mainspring_predict_seconds", "Time to answer a predict request.", labels=["endpoint"]
        )
        durations: dict[str, list[int]] = {}
        totals: dict[str, float] = {}
        for each in self._counts():
            rows.add_metric([each.name, each.version], each.rows)
            before = durations.get(each.name, [0] * len(each.durations))
            durations[each.name] = [a + b for a, b in zip(before, each.durations, strict=True)]
            totals[each.name] = totals.get(each.name, 0.0) + each.seconds
        bounds = [*map(str, DURATION_BOUNDS_S), "+Inf"]
        for name, counted in durations.items():
            upto = list(zip(bounds, map(float, accumulate(counted)), strict=True))
            seconds.add_metric([name], upto, totals[name])
        yield rows
        yield seconds


class ModelInfo(Collector):
    """Which version of each model answers.

    Args:
        versions: name and version; called by any thread.
    """

    def __init__(self, versions: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._versions = versions

    def collect(self) -> Iterator[Metric]:
        """As of now."""
        info = GaugeMetricFamily(
            "mainspring_model_info",
            "1 for each model version that answers.",
            labels=["endpoint", "model", "version", "role"],
        )
        for name, version in self._versions():
            info.add_metric([name, f"{name} {version}", version, "current"], 1)
        yield info
