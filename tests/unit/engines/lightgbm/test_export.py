"""Exported boosters against LightGBM itself, on rows chosen to be awkward."""

import hashlib
import subprocess
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

from mainspring.app.models.exporters import export_model
from mainspring.engines.lightgbm.errors import NotABooster, UnsupportedBooster
from mainspring.engines.lightgbm.export import export_booster
from mainspring.engines.onnx.scan import scan_onnx
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.stats.export_parity import compare_export

Floats = NDArray[np.float64]

FEATURES = 6
CATEGORICAL = [4, 5]
QUIET = {
    "n_estimators": 40,
    "num_leaves": 31,
    "n_jobs": 1,
    "num_threads": 1,
    "verbose": -1,
    "min_child_samples": 5,
    "cat_smooth": 1.0,
}


def training_rows(rows: int = 3000, *, with_nan: bool = True) -> Floats:
    """Four numbers and two columns of codes: 0..8, and 0..119 (beyond the 64 codes of a bit
    mask).
    """
    rng = np.random.default_rng(11)
    x = rng.normal(size=(rows, FEATURES))
    x[:, 4], x[:, 5] = rng.integers(0, 9, rows), rng.integers(0, 120, rows)
    if with_nan:
        x[rng.random(x.shape) < 0.05] = np.nan
    return x


def awkward_rows() -> Floats:
    """Seen values, zeros of both signs, NaN, infinities, and codes that are negative, unseen,
    fractional or beyond int32.
    """
    rng = np.random.default_rng(12)
    x = training_rows()[:1000]
    strange = [
        np.nan,
        np.inf,
        -np.inf,
        0.0,
        -0.0,
        -0.5,
        -1.0,
        0.999,
        3.7,
        63.5,
        64.0,
        500.0,
        1e12,
        -1e12,
        1e-300,
    ]
    places = rng.random(x.shape) < 0.2
    x[places] = rng.choice(strange, size=int(places.sum()))
    return x


def signal(x: Floats) -> Floats:
    """A smooth part, a part of the codes, and noise."""
    filled = np.nan_to_num(x)
    effect = np.random.default_rng(13).normal(size=120)
    return (
        filled[:, 0]
        + filled[:, 1] * filled[:, 2]
        + effect[filled[:, 5].astype(int)]
        + 0.3 * filled[:, 4]
    )


def classifier(**options: object) -> lgb.LGBMClassifier:
    x = training_rows()
    return lgb.LGBMClassifier(**{**QUIET, **options}).fit(
        x, (signal(x) > 1).astype(int), categorical_feature=CATEGORICAL
    )


def regressor(**options: object) -> lgb.LGBMRegressor:
    x = training_rows()
    return lgb.LGBMRegressor(**{**QUIET, **options}).fit(
        x, np.abs(signal(x)), categorical_feature=CATEGORICAL
    )


def multiclass(**options: object) -> lgb.LGBMClassifier:
    x = training_rows()
    return lgb.LGBMClassifier(**{**QUIET, **options}).fit(
        x, np.digitize(signal(x), [-0.5, 0.5, 2.0]), categorical_feature=CATEGORICAL
    )


@pytest.fixture(scope="module")
def binary() -> lgb.LGBMClassifier:
    return classifier()


def test_sums_of_leaves_equal_lightgbm_bit_for_bit() -> None:
    model = regressor()
    native, exported = (
        model.predict(awkward_rows()),
        OnnxScorer(export_booster(model)).predict(awkward_rows()),
    )
    assert native.tobytes() == exported.tobytes()


def test_probabilities_equal_lightgbm_to_rounding(binary: lgb.LGBMClassifier) -> None:
    native, exported = (
        binary.predict_proba(awkward_rows())[:, 1],
        OnnxScorer(export_booster(binary)).predict(awkward_rows()),
    )
    assert compare_export(native, exported, tolerance=1e-15).is_equal


@pytest.mark.parametrize(
    "options",
    [{}, {"objective": "multiclassova", "sigmoid": 1.7}],
    ids=["softmax", "one-versus-all"],
)
def test_every_class_equals_lightgbm_to_rounding(options: dict[str, object]) -> None:
    model = multiclass(**options)
    exported = OnnxScorer(export_booster(model)).predict(awkward_rows())
    assert exported.shape == (1000, 4)
    assert compare_export(
        model.booster_.predict(awkward_rows()), exported, tolerance=1e-14
    ).is_equal


@pytest.mark.parametrize(
    "objective",
    [
        "regression_l1",
        "huber",
        "fair",
        "quantile",
        "mape",
        "poisson",
        "tweedie",
        "gamma",
        "cross_entropy",
    ],
)
def test_each_objective_has_its_own_link(objective: str) -> None:
    x = training_rows()
    y = np.abs(signal(x)) + 0.1
    label = y / y.max() if objective == "cross_entropy" else y
    booster = lgb.train(
        {**QUIET, "objective": objective}, lgb.Dataset(x, label), num_boost_round=10
    )
    native, exported = (
        booster.predict(awkward_rows()),
        OnnxScorer(export_booster(booster)).predict(awkward_rows()),
    )
    assert np.abs(exported / native - 1).max() < 1e-13


def test_a_coefficient_of_the_sigmoid_is_kept() -> None:
    model = classifier(sigmoid=0.6)
    assert compare_export(
        model.predict_proba(awkward_rows())[:, 1],
        OnnxScorer(export_booster(model)).predict(awkward_rows()),
    ).is_equal


def test_regression_on_the_root_of_the_label_is_squared_again() -> None:
    model = regressor(reg_sqrt=True)
    assert (
        model.predict(awkward_rows()).tobytes()
        == OnnxScorer(export_booster(model)).predict(awkward_rows()).tobytes()
    )


def test_nan_counts_as_zero_where_training_saw_none() -> None:
    x = training_rows(with_nan=False)
    model = lgb.LGBMRegressor(**QUIET).fit(x, signal(x), categorical_feature=CATEGORICAL)
    assert (
        model.predict(awkward_rows()).tobytes()
        == OnnxScorer(export_booster(model)).predict(awkward_rows()).tobytes()
    )


def test_early_stopping_exports_the_best_iteration_only() -> None:
    x = training_rows()
    data = lgb.Dataset(x[:2000], signal(x)[:2000], free_raw_data=False)
    unseen = lgb.Dataset(
        x[2000:], signal(x)[2000:] + np.random.default_rng(3).normal(size=1000), reference=data
    )
    options, stop = (
        {**QUIET, "objective": "regression", "learning_rate": 0.5},
        lgb.early_stopping(3, verbose=False),
    )
    booster = lgb.train(
        options, data, valid_sets=[unseen], callbacks=[stop], keep_training_booster=True
    )
    assert booster.best_iteration < booster.current_iteration()
    assert (
        booster.predict(awkward_rows()).tobytes()
        == OnnxScorer(export_booster(booster)).predict(awkward_rows()).tobytes()
    )


def test_a_tree_without_a_split_adds_its_constant() -> None:
    booster = lgb.train(
        {**QUIET, "objective": "regression"},
        lgb.Dataset(training_rows(), np.full(3000, 2.5)),
        num_boost_round=2,
    )
    assert (
        booster.predict(awkward_rows()).tobytes()
        == OnnxScorer(export_booster(booster)).predict(awkward_rows()).tobytes()
    )


@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
@pytest.mark.parametrize("build", [classifier, multiclass], ids=["binary", "multiclass"])
def test_a_row_has_the_same_bytes_alone_and_in_any_batch(build: type, batch: int) -> None:
    scorer, rows = OnnxScorer(export_booster(build())), awkward_rows()
    pieces = [scorer.predict(rows[start : start + batch]) for start in range(0, len(rows), batch)]
    assert np.concatenate(pieces).tobytes() == scorer.predict(rows).tobytes()


def test_one_booster_gives_the_same_bytes_through_every_door(binary: lgb.LGBMClassifier) -> None:
    copy = lgb.Booster(model_str=binary.booster_.model_to_string())
    assert export_booster(binary) == export_booster(binary.booster_) == export_booster(copy)


def test_another_process_writes_the_same_bytes(binary: lgb.LGBMClassifier, tmp_path: Path) -> None:
    file = tmp_path / "booster.txt"
    file.write_text(binary.booster_.model_to_string())
    program = (
        "import hashlib, lightgbm, sys; from mainspring.engines.lightgbm.export import "
        "export_booster;"
        "print(hashlib.sha256(export_booster(lightgbm.Booster(model_file=sys.argv[1]))).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(export_booster(binary)).hexdigest()


def test_an_exported_booster_passes_the_security_scan(binary: lgb.LGBMClassifier) -> None:
    assert scan_onnx(export_booster(binary)) == ()


def test_the_name_of_the_output_says_what_it_holds(binary: lgb.LGBMClassifier) -> None:
    assert export_model(binary, FEATURES).output == "probability"
    assert export_model(multiclass(), FEATURES).output == "probabilities"
    assert export_model(regressor(), FEATURES).output == "value"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"objective": lambda y, p: (p - y, np.ones_like(y))}, "objective"),
        ({"linear_tree": True}, "linear trees"),
        ({"zero_as_missing": True}, "zero_as_missing"),
        ({"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "random forest"),
    ],
    ids=["custom objective", "linear tree", "zero as missing", "random forest"],
)
def test_what_cannot_be_exact_is_refused_with_its_name(
    options: dict[str, object], reason: str
) -> None:
    x = training_rows(500)
    model = lgb.LGBMRegressor(**{**QUIET, "n_estimators": 3, **options}).fit(x[:, :4], signal(x))
    with pytest.raises(UnsupportedBooster, match=reason):
        export_booster(model)


def test_all_reasons_are_named_at_once() -> None:
    x = training_rows(500)
    model = lgb.LGBMRegressor(
        **{
            **QUIET,
            "n_estimators": 3,
            "objective": lambda y, p: (p - y, np.ones_like(y)),
            "zero_as_missing": True,
        }
    )
    with pytest.raises(UnsupportedBooster, match=r"zero_as_missing; objective"):
        export_booster(model.fit(x[:, :4], signal(x)))


@pytest.mark.parametrize("model", [lgb.LGBMClassifier(), object()], ids=["unfitted", "foreign"])
def test_an_object_without_a_booster_is_refused(model: object) -> None:
    with pytest.raises(NotABooster, match="has no fitted LightGBM booster"):
        export_booster(model)
