"""Boosters that lie in files of XGBoost's JSON, written here by its schema."""

import copy
import json

import numpy as np
import pytest

from mainspring.app.models.model_file import ModelFile, open_model_file
from mainspring.engines.lightgbm.errors import UnsupportedBooster
from mainspring.engines.lightgbm.export import export_xgboost_json
from mainspring.engines.onnx.scorer import OnnxScorer

LEFT, RIGHT = [1, 3, -1, -1, -1], [2, 4, -1, -1, -1]


def tree_of(seed):
    """Five nodes: two splits and three leaves."""
    rng = np.random.default_rng(seed)
    conditions = [0.1, *rng.normal(size=4).astype(np.float32).tolist()]
    return {
        "left_children": LEFT,
        "right_children": RIGHT,
        "split_indices": [seed % 3, (seed + 1) % 3, 0, 0, 0],
        "split_conditions": conditions,
        "default_left": [seed % 2, 1 - seed % 2, 0, 0, 0],
        "sum_hessian": [0.75, 0.5, 0.25, 0.125, 0.375],
        "split_type": [0] * 5,
        "tree_param": {"size_leaf_vector": "1"},
    }


def stored(objective="binary:logistic", *, classes=0, base="[2E-1]"):
    trees = max(classes, 1) * 4
    about = {"num_class": str(classes), "num_feature": "3", "base_score": base, "num_target": "1"}
    model = {
        "trees": [tree_of(seed) for seed in range(trees)],
        "tree_info": [seed % max(classes, 1) for seed in range(trees)],
    }
    return {
        "version": [3, 2, 0],
        "learner": {
            "attributes": {},
            "learner_model_param": about,
            "objective": {"name": objective},
            "gradient_booster": {"name": "gbtree", "model": model},
        },
    }


def leaf_of(tree, row):
    """The leaf that XGBoost's rule leads to: single precision, left where smaller."""
    place = 0
    while tree["left_children"][place] != -1:
        value = np.float32(row[tree["split_indices"][place]])
        is_left = (
            bool(tree["default_left"][place])
            if np.isnan(value)
            else value < np.float32(tree["split_conditions"][place])
        )
        place = tree["left_children" if is_left else "right_children"][place]
    return tree["split_conditions"][place]


def sums_of(document, rows, start):
    model = document["learner"]["gradient_booster"]["model"]
    sums = np.tile(np.array(start, dtype=np.float64), (len(rows), 1))
    for tree, target in zip(model["trees"], model["tree_info"], strict=True):
        sums[:, target] += [leaf_of(tree, row) for row in rows]
    return sums


@pytest.fixture(scope="module")
def rows():
    """Random rows, missing values, and values that are the same as 0.1 in single precision only."""
    found = np.random.default_rng(5).normal(size=(500, 3))
    found[::7, 0], found[::5, 1], found[::3, 2] = np.nan, 0.1, 0.1 - 1e-12
    return found


def softmax(sums):
    weights = np.exp(sums - sums.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("objective", "classes", "base", "start", "link"),
    [
        ("binary:logistic", 0, "[2E-1]", [np.log(0.25)], lambda s: 1 / (1 + np.exp(-s[:, 0]))),
        ("reg:squarederror", 0, "5E-1", [0.5], lambda s: s[:, 0]),
        ("count:poisson", 0, "[2E0]", [np.log(2)], lambda s: np.exp(s[:, 0])),
        ("multi:softprob", 3, "[1E-1,2E-1,-3E-1]", [0.1, 0.2, -0.3], softmax),
        ("multi:softprob", 3, "5E-1", [0.5, 0.5, 0.5], softmax),
    ],
)
def test_each_objective_predicts_by_the_rules_of_xgboost(
    rows, objective, classes, base, start, link
):
    document = stored(objective, classes=classes, base=base)
    scores = OnnxScorer(export_xgboost_json(json.dumps(document).encode())).predict(rows)
    np.testing.assert_allclose(scores, link(sums_of(document, rows, start)), rtol=1e-12)


def test_a_file_of_json_is_served(tmp_path, rows):
    document = stored()
    (tmp_path / "xg.json").write_text(json.dumps(document))
    model = open_model_file("xg", ModelFile(tmp_path / "xg.json", as_matrix=True))
    [scores] = model.model.run({"features": rows}, ["score"])
    sums = sums_of(document, rows, [np.log(0.25)])[:, 0]
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-sums)), rtol=1e-12)


@pytest.mark.parametrize(
    ("place", "instead", "reason"),
    [
        (["version"], [9, 0, 0], "version 9"),
        (["learner", "objective", "name"], "rank:pairwise", "rank:pairwise"),
        (["learner", "gradient_booster", "name"], "dart", "dart"),
        (["learner", "learner_model_param", "num_target"], "2", "several targets"),
        (["learner", "learner_model_param", "base_score"], "[1,2]", "base_score"),
        (["learner", "learner_model_param", "base_score"], "[1]", "cannot be read"),
        (["learner", "learner_model_param", "num_class"], "3", "out of turn"),
        (["learner", "learner_model_param", "num_feature"], "2", "split_feature"),
        (["learner", "attributes"], {"best_iteration": "1"}, "best iteration 1"),
        (["learner", "gradient_booster", "model", "trees"], [], "no trees"),
    ],
)
def test_what_cannot_be_exact_is_refused(place, instead, reason):
    document = at = stored()
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = instead
    with pytest.raises(UnsupportedBooster) as refused:
        export_xgboost_json(json.dumps(document).encode())
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("column", "instead", "reason"),
    [
        ("split_type", [1, 0, 0, 0, 0], "categories"),
        ("left_children", [0, 3, -1, -1, -1], "no tree"),
        ("left_children", [9, 3, -1, -1, -1], "no tree"),
        ("left_children", [1, 3, -1, -1], "differ in length"),
        ("split_conditions", ["x"] * 5, "cannot be read"),
        ("tree_param", {"size_leaf_vector": "3"}, "several values"),
    ],
)
def test_a_tree_that_is_none_of_numbers_is_refused(column, instead, reason):
    document = copy.deepcopy(stored())
    document["learner"]["gradient_booster"]["model"]["trees"][1][column] = instead
    with pytest.raises(UnsupportedBooster) as refused:
        export_xgboost_json(json.dumps(document).encode())
    assert reason in str(refused.value)
