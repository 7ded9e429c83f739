"""A linear model that multiplies codes of texts is remarked on, and no other."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from mainspring.datasets.encoding import EncodedFeature, Encoding
from mainspring.elements.schema import DType
from mainspring.training.remarks import remarks_on

THREE = Encoding(
    features=(
        EncodedFeature("weight", DType.FLOAT64),
        EncodedFeature("depot", DType.STRING, ("graz", "linz", "wien")),
    )
)
TWO = Encoding(
    features=(
        EncodedFeature("weight", DType.FLOAT64),
        EncodedFeature("side", DType.STRING, ("left", "right")),
    )
)
X = np.array([[float(row % 7), float(row % 3)] for row in range(60)])
Y = (X[:, 1] == 2).astype(np.int64)


@pytest.mark.parametrize(
    "made",
    [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["alone", "pipeline"],
)
def test_a_linear_model_of_codes_is_remarked_on_by_name(made) -> None:
    [remark] = remarks_on(made.fit(X, Y), THREE)
    assert remark.startswith("LogisticRegression multiplies the codes of depot, ")


@pytest.mark.parametrize(
    ("made", "encoding"),
    [
        pytest.param(DecisionTreeClassifier(), THREE, id="a tree"),
        pytest.param(
            make_pipeline(
                ColumnTransformer([("codes", OneHotEncoder(), [1])], remainder="passthrough"),
                LogisticRegression(),
            ),
            THREE,
            id="one-hot",
        ),
        pytest.param(Lasso(alpha=1e6), THREE, id="coefficients of zero"),
        pytest.param(LogisticRegression(), TWO, id="two texts"),
    ],
)
def test_others_are_not(made, encoding: Encoding) -> None:
    assert remarks_on(made.fit(X, Y), encoding) == ()
