"""What a server does now, from two scrapes of its metrics: rates, times and shares.

Quantiles are those of the requests between the scrapes, read from histogram buckets as Prometheus
does: linear within a bucket, and the highest bound for what lies beyond it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import add
from typing import NamedTuple

import msgspec
from prometheus_client.parser import text_string_to_metric_families

__all__ = ["EndpointTraffic", "RouteTraffic", "Samples", "Traffic", "parse_samples", "traffic_of"]

_REFUSED = "mainspring_requests_rejected_total"

Labels = frozenset[tuple[str, str]]
Samples = Mapping[str, Mapping[Labels, float]]
"""Values by name and labels; of several workers, their sums, and of what all of them see the same
of, the largest.
"""

# Of the environment and its folder, which every worker looks at: their sum would be of nothing.
_SEEN_BY_ALL = frozenset({"mainspring_map_version", "mainspring_log_bytes"})


class RouteTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """A route: its requests, and their times in milliseconds, None without a request."""

    route: str
    requests_per_s: float
    errors_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    in_flight: int


class EndpointTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, or a model of a server without a project: its predicted rows, and the share of
    them by model version.

    Args:
        queued: requests that are let in and not answered.
        refused_per_s: requests that were not let in.
    """

    endpoint: str
    rows_per_s: float
    queued: int
    refused_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    models: dict[str, str]
    shares: dict[str, float]


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What a server did between two scrapes.

    Args:
        map_version: of its environment; 0 for a server without one.
        queue_limit: how many requests for one endpoint may be under way; 0 where nothing says so.
        log_bytes: how large its logs are on disk.
    """

    seconds: float
    map_version: int
    routes: tuple[RouteTraffic, ...]
    endpoints: tuple[EndpointTraffic, ...]
    log_bytes: int
    queue_limit: int


class _Found(NamedTuple):
    """Two scrapes; of a counter that began anew, the second counts."""

    before: Samples
    after: Samples

    def added(self, name: str) -> dict[Labels, float]:
        """By how much the samples of a counter grew."""
        old = self.before.get(name, {})
        return {
            labels: value - old.get(labels, 0.0) if value >= old.get(labels, 0.0) else value
            for labels, value in self.after.get(name, {}).items()
        }

    def added_to(self, name: str, **only: str) -> float:
        """By how much those with these labels grew."""
        return sum(
            value for labels, value in self.added(name).items() if only.items() <= set(labels)
        )

    def quantile_ms(self, share: float, name: str, **only: str) -> float | None:
        """The quantile of a histogram of seconds, in milliseconds."""
        counts: dict[float, float] = defaultdict(float)
        for labels, value in self.added(f"{name}_bucket").items():
            if only.items() <= set(labels):
                counts[float(dict(labels)["le"])] += value
        found = quantile_of(sorted(counts.items()), share)
        return None if found is None else round(1000 * found, 3)


def parse_samples(text: str) -> Samples:
    """The samples of a scrape.  Raises: ValueError for what is none."""
    found: dict[str, dict[Labels, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            # Of workers behind one port, each is told apart by this label.
            labels = frozenset(
                (key, kind) for key, kind in sample.labels.items() if key != "worker"
            )
            values = found[sample.name]
            joined = max if sample.name in _SEEN_BY_ALL else add
            values[labels] = joined(values.get(labels, 0.0), sample.value)
    return found


def traffic_of(before: Samples, after: Samples, *, seconds: float) -> Traffic:
    """What a server did between two scrapes that lie so many seconds apart."""
    found = _Found(before, after)
    return Traffic(
        seconds=round(seconds, 3),
        map_version=int(max(after.get("mainspring_map_version", {}).values(), default=0)),
        queue_limit=int(sum(after.get("mainspring_queue_limit", {}).values())),
        routes=tuple(_routes(found, seconds)),
        endpoints=tuple(_endpoints(found, seconds)),
        log_bytes=int(sum(after.get("mainspring_log_bytes", {}).values())),
    )


def quantile_of(counts: Sequence[tuple[float, float]], share: float) -> float | None:
    """The quantile of a cumulative histogram of (upper bound, count); None where it is empty.

    >>> quantile_of([(1.0, 2.0), (2.0, 4.0), (float("inf"), 4.0)], 0.75)
    1.5
    """
    if not counts or counts[-1][1] <= 0:
        return None
    rank = share * counts[-1][1]
    for (low, below), (high, count) in pairwise([(0.0, 0.0), *counts]):
        if count >= rank and count > below:
            return (
                low
                if high == float("inf")
                else low + (high - low) * (rank - below) / (count - below)
            )
    return None


def _values_of(samples: Iterable[Labels], label: str) -> list[str]:
    return sorted({dict(labels)[label] for labels in samples if label in dict(labels)})


def _routes(found: _Found, seconds: float) -> Iterator[RouteTraffic]:
    total, duration = "mainspring_requests_total", "mainspring_request_duration_seconds"
    flying = found.after.get("mainspring_requests_in_flight", {})
    for route in _values_of(found.after.get(total, {}), "route"):
        failed = sum(
            value
            for labels, value in found.added(total).items()
            if ("route", route) in labels and dict(labels)["status"] >= "500"
        )
        yield RouteTraffic(
            route=route,
            requests_per_s=round(found.added_to(total, route=route) / seconds, 2),
            errors_per_s=round(failed / seconds, 2),
            p50_ms=found.quantile_ms(0.5, duration, route=route),
            p99_ms=found.quantile_ms(0.99, duration, route=route),
            in_flight=int(flying.get(frozenset({("route", route)}), 0)),
        )


def _endpoints(found: _Found, seconds: float) -> Iterator[EndpointTraffic]:
    info, rows = found.after.get("mainspring_model_info", {}), "mainspring_predictions_total"
    depths = found.after.get("mainspring_queue_depth", {})
    names = {*_values_of(info, "endpoint"), *_values_of(found.after.get(rows, {}), "endpoint")}
    for name in sorted(names):
        models = [
            dict(labels) for labels, value in info.items() if value and ("endpoint", name) in labels
        ]
        predicted = {
            dict(labels)["version"]: value
            for labels, value in found.added(rows).items()
            if ("endpoint", name) in labels and value
        }
        total = sum(predicted.values())
        yield EndpointTraffic(
            endpoint=name,
            rows_per_s=round(total / seconds, 2),
            queued=int(depths.get(frozenset({("endpoint", name)}), 0)),
            refused_per_s=round(found.added_to(_REFUSED, endpoint=name) / seconds, 2),
            p50_ms=found.quantile_ms(0.5, "mainspring_predict_seconds", endpoint=name),
            p99_ms=found.quantile_ms(0.99, "mainspring_predict_seconds", endpoint=name),
            models={each["role"]: each["model"] for each in models},
            shares={version: round(value / total, 4) for version, value in predicted.items()},
        )
