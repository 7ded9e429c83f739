"""Is it better than the model in charge, on the same rows?

Paired by row: what makes a row hard is hard for both and cancels out.  The whole interval of the
improvement must lie above minus the tolerance, so a challenger that is lucky by less than the noise
does not win.  Without a champion the opponent answers every row with the base rate of the fitted
rows.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.predictions import Predictions
from mainspring.elements.identity import Digest, short
from mainspring.gates.check.min_metric import metric_named
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
        base_rate: the mean label of the rows that it was fitted on.
    """

    version: Digest
    artifact: Digest
    predictions: Predictions
    base_rate: float


@dataclass(frozen=True)
class _Pairing:
    """Both answers on the rows that both have, and the share of the challenger's rows that these
    are.
    """

    labels: Floats
    ours: Floats
    theirs: Floats
    coverage: float


def check_beats_champion(
    gate: BeatsChampion, challenger: Contender, champion: Contender | None
) -> GateFinding:
    """Whether the challenger is better by the metric.  Raises: UnknownMetric GAT-001."""
    if champion is not None and champion.artifact == challenger.artifact:
        return GateFinding(
            gate=gate.name,
            passed=True,
            summary="is the champion",
            evidence={"champion": champion.version, "identical": True},
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
    return _Pairing(
        both["_label"].to_numpy(), both["_score"].to_numpy(), both["_theirs"].to_numpy(), coverage
    )


def _against_base_rate(challenger: Contender) -> _Pairing:
    labels, scores = challenger.predictions.labels, challenger.predictions.scores
    return _Pairing(labels, scores, np.full(len(scores), challenger.base_rate), 1.0)


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
