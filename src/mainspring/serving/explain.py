"""Why a model has answered as it did: what each feature has added to the raw score.

Contributions are additive: the base value and all of them add up to the raw score, which is what a
model adds up to before a sigmoid or another link makes an answer of it.  For boosters and linear
models they are exact, computed from the artifact that answered; of any other model only its scores
are known, so its raw score is the score, and how it is divided is estimated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import exp
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.datasets.encoding import Encoding
from mainspring.ports.ensembles import LinearTerms, TreeArrays
from mainspring.ports.models import Scorer
from mainspring.stats.permutation_shap import permutation_shap
from mainspring.stats.tree_shap import TreePaths, paths_of_trees, tree_shap

__all__ = [
    "Contributions",
    "Explainer",
    "Explanation",
    "LinearExplainer",
    "PermutationExplainer",
    "TreeExplainer",
    "scale_of",
]

Floats = NDArray[np.float64]
_CLOSE, _STEEP = 1e-9, 700.0
_OF_THE_TREES = "the rows that the trees were grown on"
_ZERO = "zero in each column behind the transformers: the mean of the fitted rows if it is scaled"


@dataclass(frozen=True, eq=False)
class Contributions:
    """What was added to the raw score of some rows.

    Args:
        method: how they were found.
        exact: they are the Shapley values of the method's own definition, to rounding.
        background: the rows that a feature which is not known is averaged over.

    Shapes: base (outputs,); raw (rows, outputs); by feature (rows, outputs).
    """

    method: str
    base: Floats
    raw: Floats
    by_feature: Mapping[str, Floats]
    exact: bool = True
    background: str = _OF_THE_TREES


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What each feature has added to one raw score.

    Args:
        method: how that was found: `tree_shap`, `linear` or `permutation`.
        exact: they are Shapley values to rounding; else they are sampled, and only their sum is
            exact.
        scale: of base, raw and contributions: `score` where raw is the score itself, `log_odds`
            where the score is its logistic function, `raw` where another link makes the score.
        background: the rows that a feature which is not known is averaged over.
        base: what is answered on average there; base and contributions add up to raw.
        contributions: by feature, the largest in size first.
        explained_class: of a model of several classes the predicted one, whose raw score this is.
    """

    method: str
    exact: bool
    scale: str
    background: str
    base: float
    raw: float
    contributions: dict[str, float]
    explained_class: str | msgspec.UnsetType = msgspec.UNSET


class Explainer(Protocol):
    """Explains the answers of one model version.

    Guarantees: base and contributions add up to the raw score; what is said of a row does not
        depend on the rows beside it, to the bit; safe to call from several threads.
    """

    @property
    def encoding(self) -> Encoding:
        """What makes the model's matrix of features."""
        ...

    @property
    def method(self) -> str:
        """How it explains, as `Explanation` says it."""
        ...

    def explain(self, matrix: Floats) -> Contributions:
        """What each feature has added.  Shapes: matrix (rows, columns of the encoding)."""
        ...


def scale_of(raw: float, score: float) -> str:
    """On what scale a raw score is, by the score that was made of it.

    >>> scale_of(0.5, 0.5), scale_of(0.0, 0.5), scale_of(1.0, 2.718281828459045)
    ('score', 'log_odds', 'raw')
    """
    if abs(raw - score) <= _CLOSE * max(1.0, abs(score)):
        return "score"
    odds = 1.0 / (1.0 + exp(-raw)) if raw > -_STEEP else 0.0
    return "log_odds" if abs(odds - score) <= _CLOSE else "raw"


@dataclass(frozen=True, eq=False)
class LinearExplainer:
    """Explains the answers of a linear model: each column's term, against a column of zero."""

    model: LinearTerms
    encoding: Encoding
    method: str = field(default="linear", init=False)

    def explain(self, matrix: Floats) -> Contributions:
        """What each feature has added.  Shapes: matrix (rows, columns of the encoding)."""
        by_feature = _by_feature(self.model.terms(matrix), self.encoding)
        base = self.model.intercept
        raw = base + sum(by_feature.values(), np.zeros((len(matrix), len(base))))
        return Contributions(self.method, base, raw, by_feature, background=_ZERO)


@dataclass(frozen=True, eq=False)
class PermutationExplainer:
    """Explains the answers of any model, by its scores alone.

    Args:
        background: encoded rows that features which are not known are taken from.
        seed: of the orders in which features are made known; the same for every row.
    """

    scorer: Scorer
    encoding: Encoding
    background: Floats
    seed: int
    method: str = field(default="permutation", init=False)

    def explain(self, matrix: Floats) -> Contributions:
        """What each feature has added.

        Shapes: matrix (rows, columns of the encoding).
        Cost: 64 scores for each row and feature where the background has 32 rows.
        """
        raw = self.scorer.predict(matrix)
        raw = raw[:, np.newaxis] if raw.ndim == 1 else raw
        groups = _columns_of(self.encoding)
        found = [
            permutation_shap(
                self.scorer.predict, row, self.background, groups=groups, seed=self.seed
            )
            for row in matrix
        ]
        shares = np.array(found).reshape(len(matrix), len(groups), raw.shape[1])
        return Contributions(
            self.method,
            self._mean_scores,
            raw,
            {name: shares[:, place] for place, name in enumerate(self.encoding.names)},
            exact=False,
            background=f"{len(self.background)} rows that the model was fitted on",
        )

    @cached_property
    def _mean_scores(self) -> Floats:
        return np.atleast_1d(self.scorer.predict(self.background).mean(axis=0))


def _columns_of(encoding: Encoding) -> list[range]:
    """The columns of each feature."""
    stops = np.cumsum([len(feature.elements) for feature in encoding.features]).tolist()
    return [range(first, stop) for first, stop in zip([0, *stops], stops, strict=False)]


def _by_feature(found: Floats, encoding: Encoding) -> dict[str, Floats]:
    """The shares of columns, added up by the feature that they stand for."""
    named = zip(encoding.names, _columns_of(encoding), strict=True)
    return {name: found[:, :, columns].sum(axis=2) for name, columns in named}


@dataclass(frozen=True, eq=False)
class TreeExplainer:
    """Explains the answers of one booster."""

    trees: TreeArrays
    encoding: Encoding
    method: str = field(default="tree_shap", init=False)

    def explain(self, matrix: Floats) -> Contributions:
        """What each feature has added.  A row's bytes do not depend on the rows beside it.

        Shapes: matrix (rows, columns of the encoding).
        Cost: about 2 ms a row for 200 trees of 31 leaves.
        """
        found = tree_shap(self._paths, self._holds(matrix), columns=matrix.shape[1])
        by_feature = _by_feature(found, self.encoding)
        base = self._paths.base
        raw = base + sum(by_feature.values(), np.zeros((len(matrix), len(base))))
        return Contributions(self.method, base, raw, by_feature)

    @cached_property
    def _paths(self) -> TreePaths:
        trees = self.trees
        places, is_leaf = trees.children.tolist(), trees.is_leaf.tolist()
        return paths_of_trees(
            trees.roots.tolist(),
            children=lambda node: (
                (places[node][0], is_leaf[node][0]),
                (places[node][1], is_leaf[node][1]),
            ),
            columns=trees.columns.tolist(),
            shares=trees.shares.tolist(),
            leaves=list(zip(trees.leaf_values.tolist(), trees.leaf_targets.tolist(), strict=True)),
        )

    def _holds(self, matrix: Floats) -> NDArray[np.bool_]:
        """Whether the decision of each node holds for each row.  Shapes: (rows, nodes)."""
        trees = self.trees
        values = matrix[:, trees.columns]
        holds = values <= trees.splits
        missing = np.isnan(values)
        holds = np.where(missing, trees.missing_holds, holds)
        for node, members in enumerate(trees.members):
            if members is not None:
                holds[:, node] = np.isin(np.trunc(values[:, node]), members)
        return holds
