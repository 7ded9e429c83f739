"""Hand-written graphs against scikit-learn itself."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from mainspring.engines.onnx.scan import scan_onnx
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.engines.sklearn.errors import UnsupportedEstimator
from mainspring.engines.sklearn.export import export_linear

RNG = np.random.default_rng(5)
X = RNG.normal(loc=3.0, scale=[1.0, 10.0, 0.1, 5.0, 2.0], size=(600, 5))
SIGNAL = X @ [1.0, 0.2, -3.0, 0.1, 0.0] + RNG.normal(size=600)
HOLED = np.where(RNG.random(X.shape) < 0.1, np.nan, X)


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        Ridge(),
        Lasso(alpha=0.01),
        ElasticNet(alpha=0.01),
        LinearRegression(fit_intercept=False),
    ],
)
def test_a_linear_regression_agrees_to_rounding(estimator):
    model = estimator.fit(X, SIGNAL)
    np.testing.assert_allclose(
        OnnxScorer(export_linear(model)).predict(X), model.predict(X), rtol=0, atol=1e-12
    )


def test_a_logistic_pipeline_agrees_to_rounding():
    model = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression()
    ).fit(HOLED, SIGNAL > 0)
    np.testing.assert_allclose(
        OnnxScorer(export_linear(model)).predict(HOLED),
        model.predict_proba(HOLED)[:, 1],
        rtol=0,
        atol=1e-12,
    )


def test_a_scaler_may_centre_only():
    model = make_pipeline(StandardScaler(with_std=False), LinearRegression()).fit(X, SIGNAL)
    np.testing.assert_allclose(
        OnnxScorer(export_linear(model)).predict(X), model.predict(X), rtol=0, atol=1e-12
    )


def test_every_class_agrees_to_rounding():
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        X, np.digitize(SIGNAL, [-5.0, 0.0])
    )
    np.testing.assert_allclose(
        OnnxScorer(export_linear(model)).predict(X), model.predict_proba(X), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("edges", [[0.0], [-5.0, 0.0]], ids=["two classes", "three classes"])
def test_a_row_has_the_same_bytes_alone_and_in_any_batch(batch, edges):
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(
        HOLED, np.digitize(SIGNAL, edges)
    )
    scorer = OnnxScorer(export_linear(model))
    pieces = [scorer.predict(HOLED[start : start + batch]) for start in range(0, len(HOLED), batch)]
    assert np.concatenate(pieces).tobytes() == scorer.predict(HOLED).tobytes()


def test_the_same_model_gives_the_same_bytes_and_passes_the_scan():
    models = [
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, SIGNAL > 0) for _ in range(2)
    ]
    first, second = map(export_linear, models)
    assert first == second
    assert scan_onnx(first) == ()


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (RandomForestClassifier(n_estimators=2).fit(X, SIGNAL > 0), "RandomForestClassifier"),
        (make_pipeline(MinMaxScaler(), LinearRegression()).fit(X, SIGNAL), "MinMaxScaler"),
        (
            make_pipeline(SimpleImputer(add_indicator=True), LinearRegression()).fit(HOLED, SIGNAL),
            "adds indicators",
        ),
        (LinearRegression().fit(X, X[:, :2]), "2 values per row"),
        (LogisticRegression(), "not fitted"),
    ],
    ids=["forest", "scaler", "indicator", "two targets", "unfitted"],
)
def test_what_has_no_graph_is_refused_by_name(model, reason):
    with pytest.raises(UnsupportedEstimator, match=reason):
        export_linear(model)


CODED = np.column_stack([X[:, :2], RNG.integers(0, 4, 600), RNG.integers(0, 3, 600)])
CODED[::9, 2] = np.nan
ONE_HOT = OneHotEncoder(handle_unknown="ignore", sparse_output=False)


def one_hot(remainder: object = "passthrough") -> ColumnTransformer:
    return ColumnTransformer([("codes", ONE_HOT, [2, 3])], remainder=remainder)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([one_hot()], id="passthrough"),
        pytest.param([one_hot(StandardScaler()), StandardScaler()], id="scaled"),
        pytest.param([one_hot("drop")], id="codes only"),
        pytest.param([SimpleImputer(strategy="most_frequent"), ONE_HOT], id="alone"),
        pytest.param(
            [
                ColumnTransformer(
                    [
                        ("rest", SimpleImputer(), slice(0, 2)),
                        ("codes", ONE_HOT, [False, False, True, True]),
                    ]
                )
            ],
            id="slices and masks",
        ),
    ],
)
def test_one_hot_codes_agree_to_rounding_known_or_not(before):
    model = make_pipeline(*before, LogisticRegression()).fit(CODED, SIGNAL > 0)
    asked = CODED.copy()
    asked[:40, 3] = 7.0
    asked[20:60, 2] = np.nan
    scorer = OnnxScorer(export_linear(model))
    scores = scorer.predict(asked)
    np.testing.assert_allclose(scores, model.predict_proba(asked)[:, 1], rtol=0, atol=1e-12)
    alone = np.concatenate([scorer.predict(row.reshape(1, -1)) for row in asked])
    assert alone.tobytes() == scores.tobytes()


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(handle_unknown="ignore", drop="first"),
        OneHotEncoder(handle_unknown="ignore", max_categories=2),
        OneHotEncoder(handle_unknown="ignore", min_frequency=5),
    ],
)
def test_a_one_hot_encoder_that_does_more_is_refused(encoder):
    columns = ColumnTransformer([("codes", encoder, [3])], remainder="drop", sparse_threshold=0)
    model = make_pipeline(columns, LogisticRegression()).fit(CODED, SIGNAL > 0)
    with pytest.raises(UnsupportedEstimator, match="handle_unknown='ignore'"):
        export_linear(model)


def test_a_step_on_columns_that_has_no_graph_is_named():
    columns = ColumnTransformer([("range", MinMaxScaler(), [0])])
    model = make_pipeline(columns, LogisticRegression()).fit(CODED, SIGNAL > 0)
    with pytest.raises(UnsupportedEstimator, match="MinMaxScaler"):
        export_linear(model)
