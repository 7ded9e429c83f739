"""Is a metric good enough, overall or in every slice?

Overall the number itself is judged, since it is the claim.  A slice is judged on its interval and
fails only when all of it lies on the wrong side: with many slices some are unlucky, and a gate that
punishes luck is soon switched off.
"""

from collections.abc import Iterator

from mainspring.datasets.predictions import Predictions
from mainspring.gates.errors import MetricOfOneScore, UnknownMetric, UnknownSlice
from mainspring.gates.spec import MetricGate
from mainspring.gates.verdict import EvidenceValue, GateFinding, known_values
from mainspring.stats.interval import Interval
from mainspring.stats.metrics import METRICS, METRICS_OF_CLASSES, Metric

__all__ = ["check_min_metric", "metric_named", "require_suitable"]

_OWN_COLUMNS = ("_id", "_prediction_time", "_label", "_score")


def metric_named(name: str) -> Metric:
    """The metric of this name.  Raises: UnknownMetric GAT-001."""
    if name not in METRICS:
        raise UnknownMetric(metric=name, known=", ".join(sorted(METRICS)))
    return METRICS[name]


def require_suitable(metric: Metric, predictions: Predictions) -> None:
    """Return if the metric is one of such predictions.  Raises: MetricOfOneScore GAT-022."""
    classes = predictions.classes
    if classes and not metric.knows_classes:
        raise MetricOfOneScore(
            metric=metric.name, classes=len(classes), known=", ".join(METRICS_OF_CLASSES)
        )


def check_min_metric(gate: MetricGate, predictions: Predictions) -> GateFinding:
    """Whether the metric on these rows, or in each of their slices, reaches the bound.  Raises:
    UnknownMetric GAT-001, UnknownSlice GAT-002, MetricOfOneScore GAT-022.
    """
    metric = metric_named(gate.metric)
    require_suitable(metric, predictions)
    return (
        _check_slices(gate, metric, predictions)
        if gate.by
        else _check_whole(gate, metric, predictions)
    )


def _check_whole(gate: MetricGate, metric: Metric, predictions: Predictions) -> GateFinding:
    value = metric(predictions.labels, predictions.scores)
    interval = metric.interval(predictions.labels, predictions.scores, confidence=gate.confidence)
    passed = value == gate.bound or metric.is_better(value, gate.bound)
    rows = predictions.frame.height
    span = (
        f"{gate.confidence:.0%} interval {interval.low:.4f}–{interval.high:.4f}, "
        if interval.is_known
        else ""
    )
    return GateFinding(
        gate=gate.name,
        passed=passed,
        summary=(
            f"{gate.metric} {value:.4f} ({_wanted(metric)} {gate.bound:g}; {span}{rows:,} rows)"
        ),
        evidence=dict(
            known_values(
                {
                    "value": value,
                    "bound": gate.bound,
                    "low": interval.low,
                    "high": interval.high,
                    "rows": rows,
                }
            )
        ),
    )


def _check_slices(gate: MetricGate, metric: Metric, predictions: Predictions) -> GateFinding:
    judged = dict(_iter_slices(gate, metric, predictions))
    skipped = [name for name, (_, interval) in judged.items() if not interval.is_known]
    failing = [
        name
        for name, (_, interval) in judged.items()
        if interval.is_known and _lies_wrong(metric, interval, gate.bound)
    ]
    counted = len(judged) - len(skipped)
    table: list[str | dict[str, EvidenceValue]] = [
        _row(name, rows, interval) for name, (rows, interval) in judged.items()
    ]
    return GateFinding(
        gate=gate.name,
        passed=counted > 0 and not failing,
        summary=_say(gate, metric, judged, failing=failing, skipped=len(skipped)),
        evidence={
            "bound": gate.bound,
            "judged": counted,
            "skipped": len(skipped),
            "failing": list(failing),
            "slices": table,
        },
    )


def _iter_slices(
    gate: MetricGate, metric: Metric, predictions: Predictions
) -> Iterator[tuple[str, tuple[int, Interval]]]:
    """Each slice with its rows and interval; the interval of one too small to judge is unknown."""
    frame, by = predictions.frame, gate.by or ""
    if by not in frame.columns or by in _OWN_COLUMNS:
        raise UnknownSlice(
            column=by, known=", ".join(name for name in frame.columns if name not in _OWN_COLUMNS)
        )
    for (value,), rows in sorted(
        frame.partition_by(by, as_dict=True).items(),
        key=lambda item: (item[0][0] is None, str(item[0][0])),
    ):
        part = Predictions(rows)
        judged = rows.height >= gate.min_rows and (
            rows["_label"].n_unique() > 1 or metric.per_row is not None
        )
        interval = (
            metric.interval(part.labels, part.scores, confidence=gate.confidence)
            if judged
            else Interval.unknown(gate.confidence)
        )
        yield ("null" if value is None else str(value)), (rows.height, interval)


def _lies_wrong(metric: Metric, interval: Interval, bound: float) -> bool:
    return interval.high < bound if metric.greater_is_better else interval.low > bound


def _say(
    gate: MetricGate,
    metric: Metric,
    judged: dict[str, tuple[int, Interval]],
    *,
    failing: list[str],
    skipped: int,
) -> str:
    estimates = {
        name: interval.estimate for name, (_, interval) in judged.items() if interval.is_known
    }
    left_out = f"; {skipped} slices too small to judge" if skipped else ""
    if not estimates:
        return f"no slice by {gate.by} could be judged{left_out}"
    worst = min(
        estimates,
        key=lambda name: estimates[name] if metric.greater_is_better else -estimates[name],
    )
    claim = (
        f"{len(estimates) - len(failing)} of {len(estimates)} slices by {gate.by} "
        f"{_wanted(metric)} {gate.bound:g}"
    )
    names = f"; wholly on the wrong side: {', '.join(failing)}" if failing else ""
    extreme = "lowest" if metric.greater_is_better else "highest"
    return f"{claim}; {extreme} is {worst} with {estimates[worst]:.4f}{names}{left_out}"


def _wanted(metric: Metric) -> str:
    return "at least" if metric.greater_is_better else "at most"


def _row(name: str, rows: int, interval: Interval) -> dict[str, EvidenceValue]:
    return known_values(
        {
            "slice": name,
            "rows": rows,
            "value": interval.estimate,
            "low": interval.low,
            "high": interval.high,
        }
    )
