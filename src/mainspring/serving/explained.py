"""Predictions with what each feature has added, for those that ask for it with the prediction."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from mainspring.datasets.encoding import encode_columns
from mainspring.elements.identity import Digest
from mainspring.serving.errors import NotExplainable
from mainspring.serving.explain import Contributions, Explainer, Explanation, scale_of
from mainspring.serving.inference.answered import AnsweredRows
from mainspring.serving.predict import Prediction

__all__ = [
    "OpenExplainer",
    "explained_predictions",
    "explanations_of",
    "require_one_score",
]

OpenExplainer = Callable[[Digest], Explainer]
"""What explains the answers of a version.  Raises: NotExplainable SRV-089."""


def require_one_score(version: str, classes: Sequence[str]) -> None:
    """Return if a version has one score to explain.

    The raw score of two classes is that of the second, whichever of the two was predicted.

    Raises: NotExplainable SRV-089 for a model of several classes.
    """
    if classes:
        reason = f"it gives a probability for each of {len(classes)} classes"
        raise NotExplainable(version=version, reason=reason)


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
    require_one_score(group.version, group.classes)
    explainer = open_version(group.version)
    columns = {
        name: [values[row] for row in rows]
        for name, values in zip(group.names, group.features, strict=True)
    }
    found = explainer.explain(encode_columns(columns, explainer.encoding))
    return explanations_of(found, [group.scores[row] for row in rows], version=group.version)


def explanations_of(
    found: Contributions, scores: Sequence[float], *, version: str
) -> list[Explanation]:
    """One for each row, its features by how much they added.

    Args:
        scores: what was answered, which says on what scale the raw score is.
        version: for the message.

    Raises: NotExplainable SRV-089 for several outputs, and where a score on the way from the
        background to the row is no finite number.
    """
    if found.base.size != 1:
        raise NotExplainable(version=version, reason="it has several outputs")
    if not all(np.isfinite(each).all() for each in (found.base, *found.by_feature.values())):
        raise NotExplainable(
            version=version, reason="it has no finite score where features are missing"
        )
    base, raws = float(found.base[0]), found.raw[:, 0].tolist()
    names = list(found.by_feature)
    shares = np.stack([each[:, 0] for each in found.by_feature.values()], axis=1).tolist()
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
        )
        for raw, score, row in zip(raws, scores, shares, strict=True)
    ]
