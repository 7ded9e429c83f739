"""Judge a model by all of its gates: every gate is asked, whatever the others found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.errors import MainspringError
from mainspring.elements.identity import Digest
from mainspring.elements.time import Micros
from mainspring.features.online.parity import ParityReport
from mainspring.gates.check.beats_champion import Contender, check_beats_champion
from mainspring.gates.check.finite_scores import MissingReport, check_finite_scores
from mainspring.gates.check.latency import check_latency
from mainspring.gates.check.min_metric import check_min_metric
from mainspring.gates.check.no_leakage import check_no_leakage
from mainspring.gates.check.parity import check_parity_report
from mainspring.gates.errors import UnknownGate
from mainspring.gates.spec import (
    GATES_OF_EVERY_MODEL,
    BeatsChampion,
    FiniteScores,
    Gate,
    Latency,
    MaxMetric,
    MinMetric,
    NoLeakage,
    Parity,
)
from mainspring.gates.verdict import GateFinding, Verdict
from mainspring.training.spec import GateDeclaration

__all__ = ["EvidenceSource", "judge", "required_gates"]


@dataclass(frozen=True, kw_only=True)
class EvidenceSource:
    """Where evidence comes from: a call for each kind, made only when a gate asks for it.

    Args:
        challenger: the model that is judged; `champion`: the model in charge, None when there is
            none.
        card: of the training set; `feature_auc`: what each feature alone is worth, where the label
            is yes or no; `feature_r2`: where it is a number; `pair_power`: what pairs are worth.
        parity: compares so many rows between batch and online.
        latency_ms: measures so many requests on the real serving path.
        missing: asks for scores where features are missing, except those of these names.
        replayed: both models on logged requests, the judged one first.
        declared_at: where views are declared, as `path:line`, where that is known.
    """

    challenger: Callable[[], Contender]
    champion: Callable[[], Contender | None]
    card: Callable[[], TrainingSetCard]
    feature_auc: Callable[[], Mapping[str, float]]
    parity: Callable[[int], ParityReport]
    latency_ms: Callable[[int], Sequence[float]]
    missing: Callable[[Sequence[str]], MissingReport]
    replayed: Callable[[BeatsChampion], tuple[Contender, Contender]]
    feature_r2: Callable[[], Mapping[str, float]] = dict
    pair_power: Callable[[], Mapping[str, float]] = dict
    declared_at: Mapping[str, str] = field(default_factory=dict)


def required_gates(declared: Sequence[GateDeclaration]) -> tuple[Gate, ...]:
    """The declared gates, and before them those that every model has.  Raises: UnknownGate GAT-003.

    >>> [gate.name for gate in required_gates([])]
    ['no_leakage', 'parity', 'finite_scores']
    """
    gates: list[Gate] = []
    for gate in declared:
        if not isinstance(gate, Gate):
            raise UnknownGate(gate=repr(gate))
        gates.append(gate)
    names = {gate.name for gate in gates}
    return (*(gate for gate in GATES_OF_EVERY_MODEL if gate.name not in names), *gates)


def judge(
    gates: Sequence[Gate],
    evidence: EvidenceSource,
    *,
    subject: Digest,
    champion: str = "",
    at: Micros,
) -> list[Verdict]:
    """A verdict for each gate, in order.  Evidence that cannot be had is a failed gate that says
    why: what is not proven is not proven.
    """
    return [
        _verdict(_find(gate, evidence), subject=subject, champion=champion, at=at) for gate in gates
    ]


def _verdict(finding: GateFinding, *, subject: Digest, champion: str, at: Micros) -> Verdict:
    return Verdict(
        gate=finding.gate,
        passed=finding.passed,
        summary=finding.summary,
        evidence=finding.evidence,
        subject=subject,
        champion=champion,
        at=at,
    )


def _find(gate: Gate, evidence: EvidenceSource) -> GateFinding:
    try:
        return _check(gate, evidence)
    except MainspringError as error:
        return GateFinding(
            gate=gate.name,
            passed=False,
            summary=f"could not be judged: {error.code} {error.message}",
            evidence={"error": error.code},
        )


def _check(gate: Gate, evidence: EvidenceSource) -> GateFinding:
    match gate:
        case MinMetric() | MaxMetric():
            return check_min_metric(gate, evidence.challenger().predictions)
        case BeatsChampion():
            return _check_beats_champion(gate, evidence)
        case NoLeakage():
            r2 = evidence.feature_r2()
            return check_no_leakage(
                gate,
                evidence.card(),
                r2 or evidence.feature_auc(),
                evidence.declared_at,
                pairs=evidence.pair_power(),
                measure="R²" if r2 else "AUC",
            )
        case Parity():
            return check_parity_report(gate, evidence.parity(gate.rows))
        case Latency():
            return check_latency(gate, evidence.latency_ms(gate.requests))
        case FiniteScores():
            return check_finite_scores(gate, evidence.missing(gate.required))
        case _:
            assert_never(gate)


def _check_beats_champion(gate: BeatsChampion, evidence: EvidenceSource) -> GateFinding:
    challenger, champion = evidence.challenger(), evidence.champion()
    # Nobody has asked a model that is not in charge anywhere, and it need not be compared with
    # itself.
    if gate.on == "replay" and champion and champion.artifact != challenger.artifact:
        challenger, champion = evidence.replayed(gate)
    return check_beats_champion(gate, challenger, champion)
