"""Did any training row know its future?

Hindsight is a matter of record: the training set says which views were read `as_corrected`.  A
feature that alone nearly decides the label is a matter of suspicion: it is most often the label in
disguise, or known only afterwards.  So are two that do together what neither does alone, such as
the two times whose difference the label is.
"""

from collections.abc import Iterator, Mapping

from mainspring.datasets.card import TrainingSetCard
from mainspring.gates.spec import NoLeakage
from mainspring.gates.verdict import EvidenceValue, GateFinding, known_values

__all__ = ["check_no_leakage"]

_SHOWN = 5
_KEYS = {"AUC": "auc", "R²": "r2"}


def check_no_leakage(
    gate: NoLeakage,
    card: TrainingSetCard,
    power: Mapping[str, float],
    declared_at: Mapping[str, str] = {},
    *,
    pairs: Mapping[str, float] = {},
    measure: str = "AUC",
) -> GateFinding:
    """Whether the training set is free of hindsight, and no feature alone, and no pair, tells more
    of the label than the gate's bounds allow.

    Args:
        power: what each feature alone is worth on the test rows.
        declared_at: where views are declared, as `path:line`, to point at those that brought
            hindsight in.
        pairs: what the strongest pairs are worth, by how they are combined.
        measure: `AUC` in [0.5, 1], or of a label that is a number `R²`.
    """
    bounds = (gate.max_single_feature_auc, gate.max_pair_auc)
    if measure != "AUC":
        bounds = (gate.max_single_feature_r2, gate.max_pair_r2)
    key = _KEYS[measure]
    ranked = sorted(
        ((value, name) for name, value in power.items() if value == value),
        key=lambda item: (-item[0], item[1]),
    )
    suspicious = [f"{name} ({measure} {value:.3f})" for value, name in ranked if value > bounds[0]]
    together = [
        f"{how} ({measure} {value:.3f})" for how, value in pairs.items() if value > bounds[1]
    ]
    faults = list(_faults(card, declared_at))
    if suspicious:
        faults.append(
            f"too good alone: {', '.join(suspicious)} (at most {bounds[0]:g}; if that is known in "
            f"time, raise max_single_feature_{key})"
        )
    if together:
        faults.append(
            f"too good together: {', '.join(together)} (at most {bounds[1]:g}; if both are known "
            f"in time, raise max_pair_{key})"
        )
    strongest = (
        f"; strongest feature {ranked[0][1]} with {measure} {ranked[0][0]:.3f} alone"
        if ranked
        else ""
    )
    table: list[str | dict[str, EvidenceValue]] = [
        known_values({"feature": name, key: value}) for value, name in ranked[:_SHOWN]
    ]
    return GateFinding(
        gate=gate.name,
        passed=not faults,
        summary="; ".join(faults) if faults else f"no hindsight{strongest}{_doubts(card)}",
        evidence={
            "tainted": list(card.tainted),
            "suspicious": [*suspicious, *together],
            "bound": bounds[0],
            "features": table,
            "assumed": list(card.assumed),
            "timeless": list(card.without_time),
        },
    )


def _faults(card: TrainingSetCard, declared_at: Mapping[str, str]) -> Iterator[str]:
    """What is on record against the training set."""
    if card.tainted:
        places = [
            f"{view} ({declared_at[view]})" if view in declared_at else view
            for view in card.tainted
        ]
        yield f"trained with hindsight by {', '.join(places)}"


def _doubts(card: TrainingSetCard) -> str:
    """What nobody can know about the training set."""
    assumed = (
        f"; when facts became known is assumed for {', '.join(card.assumed)}"
        if card.assumed
        else ""
    )
    timeless = (
        f"; leakage cannot be excluded: no time in {', '.join(card.without_time)}"
        if card.without_time
        else ""
    )
    return assumed + timeless
