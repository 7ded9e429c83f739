"""Is it better than the model in charge, on the same rows?

Paired by row: what makes a row hard is hard for both and cancels out.  The whole interval of the
improvement must lie above minus the tolerance, so a challenger that is lucky by less than the noise
does not win.  Without a champion the opponent answers every row with the base rate of the fitted
rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.predictions import Predictions
from mainspring.elements.identity import Digest, short
from mainspring.gates.check.min_metric import metric_named, require_suitable
from mainspring.gates.spec import BeatsChampion
from mainspring.gates.verdict import EvidenceValue, GateFinding, known_values
from mainspring.stats.interval import Interval

__all__ = ["LEAST_COVERAGE", "Contender", "check_beats_champion"]

LEAST_COVERAGE = 0.95
"""The share of test rows that the champion must have answered as well; below it the two were not
asked the same.
"""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contender:
    """One side of the comparison.

    Args:
        version: the digest of the version; `artifact`: of its exported model.
        base_rate: the mean label of the rows that it was fitted on; `class_rates`: of a model of
            several classes the share of each.
    """

    version: Digest
    artifact: Digest
    predictions: Predictions
    base_rate: float
    class_rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Pairing:
    """Both answers on the rows that both have, and the share of the challenger's rows that these
    are.

    Shapes: labels (rows,); ours, theirs (rows,), or (rows, classes).
    """

    labels: Floats
    ours: Floats
    theirs: Floats
    coverage: float


def check_beats_champion(
    gate: BeatsChampion, challenger: Contender, champion: Contender | None
) -> GateFinding:
    """Whether the challenger is better by the metric.  Raises: UnknownMetric GAT-001,
    MetricOfOneScore GAT-022.
    """
    require_suitable(metric_named(gate.metric), challenger.predictions)
    if champion is not None and champion.artifact == challenger.artifact:
        return GateFinding(
            gate=gate.name,
            passed=True,
            summary="is the champion",
            evidence={"champion": champion.version, "identical": True},
        )
    if champion is not None and _differ_in_kind(challenger, champion):
        return GateFinding(
            gate=gate.name,
            passed=False,
            summary=(
                f"champion {short(champion.version)} cannot be compared: only one of the two "
                "tells classes apart; declare a model of another name for another question"
            ),
            evidence={"champion": champion.version},
        )
    paired = (
        _against_base_rate(challenger)
        if champion is None
        else _pair(challenger.predictions, champion.predictions)
    )
    opponent = (
        f"the base rate {challenger.base_rate:.4f}"
        if champion is None
        else f"champion {short(champion.version)}"
    )
    # The tolerance is for not being worse than a model in charge; being no better than knowing
    # nothing is never enough.
    floor = -gate.tolerance if champion is not None else 0.0
    improvement = _improvement(gate, paired, seed=_seed_of(challenger.version))
    rows, replayed = len(paired.labels), champion is not None and gate.on == "replay"
    facts: dict[str, EvidenceValue] = {
        "champion": champion.version if champion else "",
        "improvement": improvement.estimate,
        "low": improvement.low,
        "high": improvement.high,
        "tolerance": gate.tolerance,
        "coverage": paired.coverage,
        "rows": rows,
    }
    covered = paired.coverage >= LEAST_COVERAGE
    passed = covered and improvement.is_known and improvement.low > floor
    summary = (
        _say(gate, improvement, opponent=opponent, rows=_count(rows, replayed=replayed))
        if covered
        else (
            f"only {paired.coverage:.1%} of the test rows were also answered by {opponent} "
            f"(at least {LEAST_COVERAGE:.0%})"
        )
    )
    return GateFinding(
        gate=gate.name, passed=passed, summary=summary, evidence=dict(known_values(facts))
    )


def _differ_in_kind(one: Contender, other: Contender) -> bool:
    return bool(one.predictions.classes) != bool(other.predictions.classes)


def _improvement(gate: BeatsChampion, paired: _Pairing, *, seed: int) -> Interval:
    """By how much the challenger is better: positive is better, for losses too."""
    metric = metric_named(gate.metric)
    rng = np.random.default_rng(seed)
    found = metric.difference(
        paired.labels, ours=paired.ours, theirs=paired.theirs, rng=rng, confidence=gate.confidence
    )
    if metric.greater_is_better:
        return found
    return Interval(
        estimate=-found.estimate, low=-found.high, high=-found.low, confidence=found.confidence
    )


def _pair(ours: Predictions, theirs: Predictions) -> _Pairing:
    """Joined by id, with the challenger's labels, which are the newer ones."""
    other = theirs.frame.select("_id", pl.col("_score").alias("_theirs"))
    both = ours.frame.select("_id", "_label", "_score").join(
        other, on="_id", how="inner", maintain_order="left"
    )
    coverage = both.height / ours.frame.height if ours.frame.height else 0.0
    mine = Predictions(both.select("_id", "_label", "_score"))
    its = Predictions(both.select("_id", "_label", pl.col("_theirs").alias("_score")))
    # A class that one of them does not know has the probability 0 there.
    classes = sorted({*mine.classes, *its.classes})
    return _Pairing(
        mine.labels_among(classes),
        mine.scores_among(classes),
        its.scores_among(classes),
        coverage,
    )


def _against_base_rate(challenger: Contender) -> _Pairing:
    labels, scores = challenger.predictions.labels, challenger.predictions.scores
    rates = [challenger.class_rates[name] for name in challenger.predictions.classes]
    base = np.array(rates or challenger.base_rate)
    return _Pairing(labels, scores, np.ascontiguousarray(np.broadcast_to(base, scores.shape)), 1.0)


def _say(gate: BeatsChampion, improvement: Interval, *, opponent: str, rows: str) -> str:
    if not improvement.is_known:
        return f"{gate.metric} cannot be compared with {opponent} on {rows}"
    span = f"{gate.confidence:.0%} interval {improvement.low:+.5f} to {improvement.high:+.5f}"
    allowed = f", tolerance {gate.tolerance:g}" if gate.tolerance else ""
    how = "better" if improvement.estimate >= 0 else "worse"
    return (
        f"{gate.metric} {how} than {opponent} by {abs(improvement.estimate):.5f} "
        f"(improvement, {span}{allowed}; {rows})"
    )


def _count(rows: int, *, replayed: bool) -> str:
    return f"{rows:,} {'requests replayed' if replayed else 'rows'}"


def _seed_of(version: Digest) -> int:
    """The bootstrap's seed: the same version is judged the same every time."""
    return int(version.removeprefix("sha256:")[:12] or "0", 16)
