"""Boosters that lie in files of LightGBM's own text."""

import re

import lightgbm as lgb
import numpy as np
import pytest

from mainspring.app.models.model_file import ModelFile, open_model_file
from mainspring.engines.lightgbm.errors import UnsupportedBooster
from mainspring.engines.lightgbm.export import export_booster, export_booster_text
from tests.unit.engines.lightgbm.test_export import (
    QUIET,
    awkward_rows,
    classifier,
    multiclass,
    regressor,
    signal,
    training_rows,
)


def text_of(model) -> bytes:
    return model.booster_.model_to_string().encode()


@pytest.fixture(scope="module")
def text() -> bytes:
    return text_of(classifier(n_estimators=5))


@pytest.mark.parametrize(
    "build",
    [
        classifier,
        multiclass,
        lambda: multiclass(objective="multiclassova", sigmoid=1.7),
        lambda: regressor(reg_sqrt=True),
        lambda: regressor(use_missing=False),
        *(
            lambda objective=objective: regressor(n_estimators=5, objective=objective)
            for objective in (
                "regression",
                "regression_l1",
                "huber",
                "fair",
                "quantile",
                "mape",
                "poisson",
                "tweedie",
            )
        ),
    ],
)
def test_the_text_of_a_booster_exports_to_the_bytes_of_the_booster(build):
    model = build()
    assert export_booster_text(text_of(model)) == export_booster(model)


def test_a_ranker_and_a_tree_without_a_split_are_read_too():
    x = training_rows()
    labels = np.digitize(signal(x), [0, 1])
    ranker = lgb.LGBMRanker(**QUIET).fit(x, labels, group=[30] * 100)
    stump = lgb.LGBMRegressor(**{**QUIET, "min_child_samples": 5000}).fit(x, signal(x))
    for model in (ranker, stump):
        assert export_booster_text(text_of(model)) == export_booster(model)


def test_the_line_ends_of_windows_change_nothing(text):
    assert export_booster_text(text.replace(b"\n", b"\r\n")) == export_booster_text(text)


@pytest.mark.parametrize(
    ("pattern", "instead", "reason"),
    [
        (rb"(?s)\nend of trees.*", b"", "cut off"),
        (rb"version=v4", b"version=v9", "version 'v9'"),
        (rb"objective=binary sigmoid:1", b"objective=custom", "objective"),
        (rb"objective=binary sigmoid:1\n", b"average_output\n", "averaged"),
        (rb"pandas_categorical:\S+", b'pandas_categorical:[["a","b"]]', "pandas"),
        (rb"is_linear=0", b"is_linear=1", "linear"),
        (rb"left_child=\S+", b"left_child=0", "no tree"),
        (rb"leaf_value=\S+", b"leaf_value=x", "leaf_value"),
        (rb"leaf_value=\S+", b"leaf_value=nan", "finite"),
        (rb"leaf_value=\S+ ", b"leaf_value=", "leaf_value"),
        (rb"split_feature=\d+", b"split_feature=77", "split_feature"),
        (rb"decision_type=\d+", b"decision_type=12", "decision_type"),
        (rb"cat_boundaries=0 \d+", b"cat_boundaries=0 9999", "sets of categories"),
        (rb"tree_sizes=\d+ ", b"tree_sizes=", "trees"),
        (rb"num_class", b"num_\xff", "UTF-8"),
        (rb"max_feature_idx=\d+", b"", "max_feature_idx"),
    ],
)
def test_a_text_that_is_damaged_or_not_exact_is_refused(text, pattern, instead, reason):
    damaged, found = re.subn(pattern, instead, text, count=1)
    assert found == 1
    with pytest.raises(UnsupportedBooster, match=reason):
        export_booster_text(damaged)


def test_a_file_of_text_is_served_with_the_predictions_of_lightgbm(tmp_path):
    booster = regressor().booster_
    booster.save_model(tmp_path / "churn.txt")
    rows = awkward_rows()
    for as_matrix, takes, gives in ((True, "features", "score"), (False, "X", "value")):
        model = open_model_file("churn", ModelFile(tmp_path / "churn.txt", as_matrix=as_matrix))
        [scores] = model.model.run({takes: rows}, [gives])
        assert scores.reshape(-1).tobytes() == booster.predict(rows).tobytes()
