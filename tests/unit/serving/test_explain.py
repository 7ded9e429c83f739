"""A booster's explanation is LightGBM's own, from the exported artifact alone."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mainspring.datasets.encoding import learn_encoding
from mainspring.engines.lightgbm.export import export_booster
from mainspring.engines.onnx.ensemble import read_trees
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.engines.onnx.terms import read_terms
from mainspring.engines.sklearn.export import export_linear
from mainspring.ports.placement import Placed
from mainspring.serving.errors import NotExplainable
from mainspring.serving.explain import (
    Contributions,
    LinearExplainer,
    PermutationExplainer,
    TreeExplainer,
)
from mainspring.serving.explained import explanations_of
from mainspring.serving.explained_score import explained_score

ROWS, NAMES = 800, ("a", "b", "c", "code")
TOLERANCE = 1e-9


def rows() -> np.ndarray:
    draw = np.random.default_rng(7)
    matrix = draw.normal(size=(ROWS, len(NAMES)))
    matrix[:, 3] = draw.integers(0, 90, ROWS)
    matrix[draw.random(matrix.shape) < 0.1] = np.nan
    return matrix


def fitted(objective: str, **settings: object) -> lgb.Booster:
    matrix = rows()
    known = np.nan_to_num(matrix)
    label = known[:, 0] * known[:, 1] + known[:, 3] % 7 - 2
    if objective == "binary":
        label = (label > 1).astype(float)
    if objective == "multiclass":
        label = np.digitize(label, [0, 2]).astype(float)
    shape = {"objective": objective, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    data = lgb.Dataset(matrix, label, categorical_feature=[3])
    return lgb.train(shape | settings, data, num_boost_round=12)


def explainer(payload: bytes) -> TreeExplainer:
    trees = read_trees(payload)
    assert trees is not None
    frame = pl.DataFrame({name: [0.0] for name in NAMES})
    return TreeExplainer(trees, learn_encoding(frame, NAMES))


@pytest.mark.parametrize(
    ("objective", "settings"),
    [
        ("binary", {}),
        ("regression", {"num_leaves": 63}),
        ("regression", {"max_depth": 2}),
        ("multiclass", {"num_class": 3}),
        ("regression", {"num_leaves": 2}),
    ],
)
def test_contributions_are_those_of_lightgbm(objective: str, settings: dict[str, object]) -> None:
    booster = fitted(objective, **settings)
    found = explainer(export_booster(booster)).explain(rows())
    outputs = found.base.size
    wanted = booster.predict(rows(), pred_contrib=True).reshape(ROWS, outputs, len(NAMES) + 1)
    ours = np.stack([*found.by_feature.values()], axis=2)
    np.testing.assert_allclose(ours, wanted[:, :, :-1], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(found.base, wanted[0, :, -1], rtol=0, atol=TOLERANCE)


def test_base_and_contributions_add_up_to_the_raw_score() -> None:
    booster = fitted("binary")
    payload = export_booster(booster)
    found = explainer(payload).explain(rows())
    raw = booster.predict(rows(), raw_score=True)
    np.testing.assert_allclose(found.raw[:, 0], raw, rtol=0, atol=TOLERANCE)
    score = OnnxScorer(payload).predict(rows())
    np.testing.assert_allclose(1 / (1 + np.exp(-found.raw[:, 0])), score, atol=TOLERANCE)


def test_a_row_is_explained_by_the_same_bytes_alone_and_among_others() -> None:
    explain = explainer(export_booster(fitted("binary"))).explain
    together, matrix = explain(rows()), rows()
    for row in range(0, ROWS, 97):
        alone = explain(matrix[row : row + 1])
        for name, values in alone.by_feature.items():
            assert values.tobytes() == together.by_feature[name][row : row + 1].tobytes()


def test_a_tree_without_a_split_adds_to_the_base_alone() -> None:
    booster = fitted("regression", min_data_in_leaf=ROWS)
    found = explainer(export_booster(booster)).explain(rows()[:3])
    assert not any(values.any() for values in found.by_feature.values())
    np.testing.assert_allclose(found.raw[:, 0], booster.predict(rows()[:3]), atol=TOLERANCE)


def test_a_pipeline_is_explained_by_the_terms_of_its_own_sum() -> None:
    matrix = rows()
    label = (np.nan_to_num(matrix[:, 0]) + np.nan_to_num(matrix[:, 1]) > 0).astype(int)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("code", encoder, [3]), ("number", StandardScaler(), [2, 0, 1])])
    fitted = make_pipeline(SimpleImputer(), columns, LogisticRegression(max_iter=500)).fit(
        matrix, label
    )
    terms = read_terms(export_linear(fitted))
    frame = pl.DataFrame({name: [0.0] for name in NAMES})
    found = LinearExplainer(terms, learn_encoding(frame, NAMES)).explain(matrix)
    assert np.abs(found.raw[:, 0] - fitted.decision_function(matrix)).max() < TOLERANCE
    without = matrix.copy()
    without[:, 0] = np.nanmean(matrix[:, 0])
    change = fitted.decision_function(matrix) - fitted.decision_function(without)
    assert np.abs(found.by_feature["a"][:, 0] - change).max() < TOLERANCE


def softmax(raw: np.ndarray) -> np.ndarray:
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_of_several_classes_the_predicted_one_is_explained() -> None:
    found = explainer(export_booster(fitted("multiclass", num_class=3))).explain(rows())
    probabilities = softmax(found.raw)
    told = explained_score(found, probabilities, version="v")
    places = probabilities.argmax(axis=1)
    assert {*places.tolist()} == {0, 1, 2}
    np.testing.assert_array_equal(told.raw, found.raw.max(axis=1))
    np.testing.assert_array_equal(told.base, found.base[places])
    total = told.base + sum(told.by_feature.values())
    np.testing.assert_allclose(total, told.raw, atol=TOLERANCE)


def test_of_two_classes_the_first_is_explained_by_the_opposite() -> None:
    found = explainer(export_booster(fitted("binary"))).explain(rows())
    odds = 1 / (1 + np.exp(-found.raw[:, 0]))
    names, probabilities = ("no", "yes"), np.stack([1 - odds, odds], axis=1)
    said = explanations_of(
        found,
        probabilities.max(axis=1).tolist(),
        classes=names,
        probabilities=probabilities.tolist(),
        version="v",
    )
    assert {each.explained_class for each in said} == {"no", "yes"}
    for each, raw in zip(said, found.raw[:, 0].tolist(), strict=True):
        assert each.scale == "log_odds"
        assert each.raw == (raw if each.explained_class == "yes" else -raw) >= 0
        assert each.base + sum(each.contributions.values()) == pytest.approx(each.raw)


def test_of_two_classes_whose_raw_score_is_the_probability_the_first_is_the_rest() -> None:
    raw = np.array([[0.25], [0.75]])
    found = Contributions("permutation", np.array([0.5]), raw, {"a": raw - 0.5}, exact=False)
    told = explained_score(found, np.concatenate([1 - raw, raw], axis=1), version="v")
    assert (told.base.tolist(), told.raw.tolist()) == ([0.5, 0.5], [0.75, 0.75])
    assert told.by_feature["a"].tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("raw", "probabilities", "told"),
    [
        ([[0.1]], [[0.4, 0.6]], "is not known"),
        ([[0.1]], [[0.2, 0.2, 0.6]], "1 raw scores for 3 classes"),
        ([[0.1, 0.2]], None, "several outputs"),
    ],
)
def test_what_is_no_class_is_not_explained(raw: list, probabilities: list | None, told: str):
    scores = np.array(raw)
    found = Contributions("linear", np.zeros(scores.shape[1]), scores, {"a": scores})
    with pytest.raises(NotExplainable, match=told):
        explained_score(found, probabilities and np.array(probabilities), version="v")


class Products:
    """A model that is known by its scores alone: a product of two features, and a third."""

    feature_count, datatype, score_shape = len(NAMES), "FP64", (-1,)
    placed = Placed()

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return matrix[:, 0] * matrix[:, 1] + 2 * matrix[:, 2]


def by_permutation(background: np.ndarray) -> PermutationExplainer:
    frame = pl.DataFrame({name: [0.0] for name in NAMES})
    return PermutationExplainer(Products(), learn_encoding(frame, NAMES), background, seed=3)


def test_what_only_scores_is_explained_by_permutation() -> None:
    draw = np.random.default_rng(1)
    background, asked = draw.normal(size=(32, 4)), draw.normal(size=(5, 4))
    found = by_permutation(background).explain(asked)
    shares = {name: each[:, 0] for name, each in found.by_feature.items()}
    # Where pairs interact, an order and its reverse are exact: the mean over the background.
    expected = (asked[:, :1] - background[:, 0]) * (asked[:, 1:2] + background[:, 1]) / 2
    np.testing.assert_allclose(shares["a"], expected.mean(axis=1), atol=TOLERANCE)
    np.testing.assert_allclose(shares["c"], 2 * (asked[:, 2] - background[:, 2].mean()))
    np.testing.assert_array_equal(shares["code"], 0.0)
    assert (found.method, found.exact) == ("permutation", False)


def test_contributions_by_permutation_add_up_to_the_score() -> None:
    draw = np.random.default_rng(2)
    asked = draw.normal(size=(7, 4))
    found = by_permutation(draw.normal(size=(9, 4))).explain(asked)
    total = found.base + sum(found.by_feature.values())
    np.testing.assert_allclose(total[:, 0], Products().predict(asked), atol=TOLERANCE)


def test_a_row_is_explained_by_permutation_alone_as_among_others() -> None:
    draw = np.random.default_rng(4)
    explainer, asked = by_permutation(draw.normal(size=(6, 4))), draw.normal(size=(5, 4))
    among = explainer.explain(asked).by_feature["a"]
    alone = [explainer.explain(asked[row : row + 1]).by_feature["a"][0] for row in range(5)]
    assert among.tobytes() == np.array(alone).tobytes()


class TwoProducts(Products):
    """Two scores of each row."""

    score_shape = (-1, 2)

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return np.stack([super().predict(matrix), matrix[:, 3]], axis=1)


def test_several_scores_are_explained_by_permutation_as_each_alone() -> None:
    draw = np.random.default_rng(2)
    background, asked = draw.normal(size=(9, 4)), draw.normal(size=(7, 4))
    one = by_permutation(background)
    found = replace(one, scorer=TwoProducts()).explain(asked)
    alone = one.explain(asked)
    assert found.raw.shape == (7, 2)
    for name, each in alone.by_feature.items():
        np.testing.assert_array_equal(found.by_feature[name][:, :1], each)
    total = found.base + sum(found.by_feature.values())
    np.testing.assert_allclose(total, found.raw, atol=TOLERANCE)


def test_a_score_that_is_no_number_on_the_way_explains_nothing() -> None:
    asked, background = np.ones((1, 4)), np.full((2, 4), np.nan)
    found = by_permutation(background).explain(asked)
    with pytest.raises(NotExplainable, match="no finite score"):
        explanations_of(found, [3.0], version="v")


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_raw_score_beyond_all_numbers_is_not_explained(outputs: int) -> None:
    shares = np.full((1, outputs), 1e308)
    found = Contributions("linear", np.zeros(outputs), shares * np.inf, {"a": shares, "b": shares})
    classes, sure = ("no", "yes") if outputs == 2 else (), [[0.0, 1.0]] if outputs == 2 else ()
    with pytest.raises(NotExplainable, match="no finite score"):
        explanations_of(found, [1.0], classes=classes, probabilities=sure, version="v")
