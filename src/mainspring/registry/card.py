"""The model card: what a version is, what it learned from and what it was left without, as Markdown
for people.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.identity import short
from mainspring.elements.time import format_instant
from mainspring.registry.version import ModelVersion

__all__ = ["render_card"]

_MOST_FEATURES = 15


def render_card(
    version: ModelVersion,
    training: TrainingSetCard,
    *,
    description: str = "",
    verdicts: Sequence[str] = (),
    importance: Mapping[str, float] = MappingProxyType({}),
    importance_of: str = "",
) -> str:
    """The card.

    Args:
        description: what the model is for, in its author's words.
        verdicts: one line for each gate.
        importance: the mean size of each feature's contribution, the largest first; the first
            fifteen are shown. `importance_of`: how it was found.
    """
    lines = [
        f"# {version.label}",
        "",
        *([description, ""] if description else []),
        *_identity(version),
    ]
    lines += ["", "## On the test rows", "", *_metrics(version)]
    if verdicts:
        lines += ["", "## What it had to prove", "", *(f"- {line.strip()}" for line in verdicts)]
    if importance:
        lines += ["", "## What its scores come from", "", *_importance(importance, importance_of)]
    lines += ["", "## What it learned from", "", *_training(version, training)]
    lines += ["", "## Where it was fitted", "", *_environment(version), ""]
    return "\n".join(lines)


def _identity(version: ModelVersion) -> Iterator[str]:
    classes = ", ".join(version.class_names)
    gives = f"the probabilities of {classes}" if classes else f"a {version.output}"
    yield (
        f"- version `{short(version.digest)}`, artifact `{short(version.artifact)}` "
        f"({version.format}, gives {gives})"
    )
    yield (
        f"- registered {format_instant(version.registered_at)} by {version.author}: "
        f"{version.reason or 'no reason given'}"
    )
    export = version.export
    yield (
        f"- export checked on {export.rows:,} rows: {export.differing:,} differ in a bit, "
        f"by at most {export.largest:.3g}"
    )


def _metrics(version: ModelVersion) -> Iterator[str]:
    yield "| metric | value |"
    yield "| --- | --- |"
    for name, value in sorted(version.metrics.items()):
        yield f"| {name} | {value:.4f} |"


def _importance(importance: Mapping[str, float], importance_of: str) -> Iterator[str]:
    yield importance_of
    yield ""
    yield "| feature | mean size of its contribution |"
    yield "| --- | --- |"
    for name, size in islice(importance.items(), _MOST_FEATURES):
        yield f"| {name} | {size:.4g} |"
    if len(importance) > _MOST_FEATURES:
        rest = sum(islice(importance.values(), _MOST_FEATURES, None))
        yield f"| {len(importance) - _MOST_FEATURES:,} more, together | {rest:.4g} |"


def _training(version: ModelVersion, training: TrainingSetCard) -> Iterator[str]:
    yield (
        f"- training set {training.name} `{short(training.digest)}`: {training.rows:,} "
        f"rows, {version.fitted:,} fitted, {version.tested:,} tested"
    )
    for reason, rows in sorted(training.excluded.items()):
        yield f"- {rows:,} rows left out: {reason}"
    if training.absence:
        yield f"- {training.absence}"
    declared = f", declared as {', '.join(training.sets)}" if training.sets else ""
    yield (
        f"- {len(training.features)} features from "
        f"{', '.join(sorted({feature.view for feature in training.features})) or 'no view'}"
        f"{declared}"
    )
    measure = "R²" if version.r2_alone else "AUC"
    alone = version.r2_alone or version.feature_auc
    strongest = sorted(alone.items(), key=lambda item: (-item[1], item[0]))[:3]
    if strongest:
        yield "- strongest alone: " + ", ".join(
            f"{name} ({measure} {power:.3f})" for name, power in strongest
        )
    if training.tainted:
        yield f"- **made with hindsight**, never to serve: {', '.join(training.tainted)}"
    if training.without_time:
        yield (
            f"- **no time**, so leakage cannot be excluded: {', '.join(training.without_time)} "
            "without event times"
        )
    if training.assumed:
        yield f"- when facts became known is assumed for: {', '.join(training.assumed)}"
    imported = {name: share for name, share in sorted(training.history_share.items()) if share > 0}
    if imported:
        yield "- imported as history: " + ", ".join(
            f"{name} {share:.0%}" for name, share in imported.items()
        )


def _environment(version: ModelVersion) -> Iterator[str]:
    environment = version.environment
    yield (
        f"- Python {environment.python} on {environment.system} {environment.machine}, seed "
        f"{version.seed}"
    )
    yield "- " + ", ".join(
        f"{name} {found}" for name, found in sorted(environment.packages.items())
    )
