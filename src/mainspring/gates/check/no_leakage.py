"""Did any training row know its future?

Hindsight is a matter of record: the training set says which views were read `as_corrected`.  A
feature that alone nearly decides the label is a matter of suspicion: it is most often the label in
disguise, or known only afterwards.
"""

from collections.abc import Mapping

from mainspring.datasets.card import TrainingSetCard
from mainspring.gates.spec import NoLeakage
from mainspring.gates.verdict import EvidenceValue, GateFinding, known_values

__all__ = ["check_no_leakage"]

_SHOWN = 5


def check_no_leakage(
    gate: NoLeakage,
    card: TrainingSetCard,
    feature_auc: Mapping[str, float],
    declared_at: Mapping[str, str] = {},
) -> GateFinding:
    """Whether the training set is free of hindsight, and no feature alone has an AUC above the
    gate's bound.

    Args:
        feature_auc: what each feature alone is worth on the test rows, in [0.5, 1].
        declared_at: where views are declared, as `path:line`, to point at those that brought
            hindsight in.
    """
    ranked = sorted(
        ((auc, name) for name, auc in feature_auc.items() if auc == auc),
        key=lambda item: (-item[0], item[1]),
    )
    suspicious = [
        f"{name} (AUC {auc:.3f})" for auc, name in ranked if auc > gate.max_single_feature_auc
    ]
    faults = []
    if card.tainted:
        places = [
            f"{view} ({declared_at[view]})" if view in declared_at else view
            for view in card.tainted
        ]
        faults.append(f"trained with hindsight by {', '.join(places)}")
    if suspicious:
        faults.append(
            f"too good alone: {', '.join(suspicious)} (at most {gate.max_single_feature_auc:g})"
        )
    strongest = (
        f"; strongest feature {ranked[0][1]} with AUC {ranked[0][0]:.3f} alone" if ranked else ""
    )
    assumed = (
        f"; when facts became known is assumed for {', '.join(card.assumed)}"
        if card.assumed
        else ""
    )
    if card.without_time:
        assumed += f"; leakage cannot be excluded: no time in {', '.join(card.without_time)}"
    table: list[str | dict[str, EvidenceValue]] = [
        known_values({"feature": name, "auc": auc}) for auc, name in ranked[:_SHOWN]
    ]
    return GateFinding(
        gate=gate.name,
        passed=not faults,
        summary="; ".join(faults) if faults else f"no hindsight{strongest}{assumed}",
        evidence={
            "tainted": list(card.tainted),
            "suspicious": list(suspicious),
            "bound": gate.max_single_feature_auc,
            "features": table,
            "assumed": list(card.assumed),
            "timeless": list(card.without_time),
        },
    )
