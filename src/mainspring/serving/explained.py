"""Predictions with what each feature has added, for those that ask for it with the prediction."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from mainspring.datasets.encoding import encode_columns
from mainspring.elements.identity import Digest
from mainspring.serving.explain import Contributions, Explainer, Explanation, scale_of
from mainspring.serving.explained_score import explained_score
from mainspring.serving.inference.answered import AnsweredRows
from mainspring.serving.predict import Prediction
from mainspring.serving.scores import most_probable_class

__all__ = [
    "OpenExplainer",
    "explained_predictions",
    "explanations_of",
]

OpenExplainer = Callable[[Digest], Explainer]
"""What explains the answers of a version.  Raises: NotExplainable SRV-089."""


def explained_predictions(
    predictions: Sequence[Prediction], groups: Sequence[AnsweredRows], open_version: OpenExplainer
) -> list[Prediction]:
    """The predictions with their explanations.

    Args:
        groups: they are among the rows that were answered here.

    Raises: NotExplainable SRV-089.
    Cost: 2 ms a row for trees, and up to 100 ms for what is explained by permutation.
    """
    wanted, found = {each.id for each in predictions}, dict[str, Explanation]()
    for group in groups:
        rows = [row for row, name in enumerate(group.ids) if name in wanted]
        if rows:
            names = [group.ids[row] for row in rows]
            found.update(zip(names, _explained(group, rows, open_version), strict=True))
    return [msgspec.structs.replace(each, explanation=found[each.id]) for each in predictions]


def _explained(
    group: AnsweredRows, rows: Sequence[int], open_version: OpenExplainer
) -> list[Explanation]:
    explainer = open_version(group.version)
    columns = {
        name: [values[row] for row in rows]
        for name, values in zip(group.names, group.features, strict=True)
    }
    found = explainer.explain(encode_columns(columns, explainer.encoding))
    return explanations_of(
        found,
        [group.scores[row] for row in rows],
        classes=group.classes,
        probabilities=[group.probabilities[row] for row in rows] if group.classes else (),
        version=group.version,
    )


def explanations_of(
    found: Contributions,
    scores: Sequence[float],
    *,
    classes: Sequence[str] = (),
    probabilities: Sequence[Sequence[float]] = (),
    version: str,
) -> list[Explanation]:
    """One for each row, its features by how much they added.

    Args:
        scores: what was answered, which says on what scale the raw score is.
        classes: what `probabilities` are of; both are empty for a model of one score.
        version: for the message.

    Raises: NotExplainable SRV-089, as `explained_score`.
    """
    told = explained_score(found, np.array(probabilities) if classes else None, version=version)
    names = list(told.by_feature)
    shares = np.stack([*told.by_feature.values()], axis=1).tolist()
    predicted: Sequence[str | msgspec.UnsetType] = [
        most_probable_class(classes, each) for each in probabilities
    ] or [msgspec.UNSET] * len(scores)
    return [
        Explanation(
            method=found.method,
            exact=found.exact,
            scale=scale_of(raw, score),
            background=found.background,
            base=base,
            raw=raw,
            contributions=dict(
                sorted(zip(names, row, strict=True), key=lambda item: (-abs(item[1]), item[0]))
            ),
            explained_class=of_class,
        )
        for base, raw, score, row, of_class in zip(
            told.base.tolist(),
            told.raw.tolist(),
            scores,
            shares,
            predicted,
            strict=True,
        )
    ]
