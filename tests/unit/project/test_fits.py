"""Fits that are refused before they have run, and those that are not."""

import pytest

from mainspring.elements.errors import DeclarationError
from mainspring.elements.schema import DType, Schema
from mainspring.project.loader.discover import discover
from mainspring.project.loader.validate import iter_project_faults
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import SCHEMAS

TOP = """
import lightgbm as lgb
import sklearn.ensemble
import sklearn.svm as svm
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler


class Own(KNeighborsClassifier):
    pass


def built():
    return KNeighborsClassifier()


def piped():
    return make_pipeline(StandardScaler(), KNeighborsClassifier())


MARGIN = 0.5
"""
STEPS = '[("s", StandardScaler()), ("c", KNeighborsClassifier())]'


def faults(file, schemas=SCHEMAS) -> list[DeclarationError]:
    return list(iter_project_faults(discover(file), schemas, {}, inputs={}))


def refused(write_shop: WriteProject, *body: str) -> list[str]:
    """The classes that a fit of these lines is refused for."""
    lines = "".join(f"    {line}\n" for line in body).replace("FIT", "fit(train.X, train.y)")
    file = write_shop(("MARGIN = 0.5\n", TOP), ("    return scaled(2.0)\n", lines))
    return [str(fault.details()["estimator"]) for fault in faults(file)]


@pytest.mark.parametrize(
    ("body", "estimator"),
    [
        (["return KNeighborsClassifier().FIT"], "KNeighborsClassifier"),
        (["return sklearn.ensemble.RandomForestClassifier().FIT"], "RandomForestClassifier"),
        (
            [
                "from sklearn.ensemble import HistGradientBoostingClassifier as Boosted",
                "return Boosted().FIT",
            ],
            "HistGradientBoostingClassifier",
        ),
        (["model = svm.SVC()", "model.FIT", "return model"], "SVC"),
        (["model = svm.SVC()", "model = model.FIT", "return model"], "SVC"),
        (["return built().FIT"], "KNeighborsClassifier"),
        (["return make_pipeline(StandardScaler(), svm.SVC()).FIT"], "SVC"),
        (["return make_pipeline(MinMaxScaler(), LogisticRegression()).FIT"], "MinMaxScaler"),
        ([f"p = Pipeline({STEPS})", "p.FIT", "return p"], "KNeighborsClassifier"),
        (["import xgboost", "return xgboost.XGBClassifier().FIT"], "XGBClassifier"),
        (["import torch", "return torch.nn.Sequential()"], "Sequential"),
    ],
)
def test_an_estimator_that_cannot_be_exported_is_refused_by_its_class(
    write_shop: WriteProject, body: list[str], estimator: str
) -> None:
    assert refused(write_shop, *body) == [estimator]


@pytest.mark.parametrize(
    "body",
    [
        ["return LogisticRegression().FIT"],
        ["return lgb.LGBMClassifier().FIT"],
        ["return make_pipeline(StandardScaler(), LogisticRegression()).FIT"],
        [
            "from sklearn.compose import ColumnTransformer",
            "from sklearn.preprocessing import OneHotEncoder",
            'texts = ("t", OneHotEncoder(handle_unknown="ignore"), train.categorical_indices)',
            'c = ColumnTransformer([texts], remainder="passthrough")',
            "return make_pipeline(c, OneHotEncoder(), LogisticRegression()).FIT",
        ],
        ["KNeighborsClassifier().FIT", "return LogisticRegression().FIT"],
        ["if run: return KNeighborsClassifier()", "return LogisticRegression().FIT"],
        ["return Own().FIT"],
        ["return train.wrap(KNeighborsClassifier())"],
        ["model = KNeighborsClassifier()", "model.to_onnx = bytes", "return model"],
        [f"p = Pipeline({STEPS})", "p.set_params(c=LogisticRegression())", "return p.FIT"],
        [f"p = Pipeline({STEPS})", 'p.steps[1] = ("c", LogisticRegression())', "return p"],
        ["p = piped()", "p.set_params(c=LogisticRegression())", "return p.FIT"],
        ["for k in [LogisticRegression()]: pass", "return k"],
        ["yield KNeighborsClassifier()"],
    ],
)
def test_a_fit_that_might_be_exported_is_not_refused(
    write_shop: WriteProject, body: list[str]
) -> None:
    assert refused(write_shop, *body) == []


def test_the_refusal_says_where_and_what_can_be_exported(write_shop: WriteProject) -> None:
    body = "    return KNeighborsClassifier(7)\n"
    file = write_shop(("MARGIN = 0.5\n", TOP), ("    return scaled(2.0)\n", body))
    [fault] = faults(file)
    line = 1 + file.read_text().splitlines().index(body.rstrip())
    assert str(fault).startswith(f"{file}:{line}: PRJ-062 model returned returns KNeighbors")
    assert "LGBMClassifier" in str(fault)
    assert "to_onnx()" in str(fault)


@pytest.mark.parametrize("path", ["gone.json", "/etc/passwd", "../shop.py"])
def test_an_input_that_is_not_in_the_project_is_named(write_shop: WriteProject, path: str) -> None:
    [fault] = faults(write_shop(("history, gates", f'history, inputs=["{path}"], gates')))
    assert (fault.code, fault.details()["path"]) == ("PRJ-061", path)


GRADES = 'known_at=ms.assumed_delay("2h")'


@pytest.mark.parametrize(
    ("label", "contract", "said"),
    [
        ('col("stars")', "stars=ms.Int64(one_of=(1, 2, 3))", "one of 3 classes: 1, 2, 3"),
    ],
)
def test_a_label_of_several_classes_is_named_as_such(
    write_shop: WriteProject, label: str, contract: str, said: str
) -> None:
    [fault] = faults(graded(write_shop, label, contract), GRADED)
    assert (fault.code, fault.details()["found"]) == ("PRJ-063", said)


@pytest.mark.parametrize(
    ("label", "contract"),
    [
        ('col("stars")', ""),
        ('col("stars")', "stars=ms.Int64(one_of=(0, 1))"),
        ('col("stars") * 1.0', "stars=ms.Int64(one_of=(1, 2, 3))"),
        ('col("stars") == 3', "stars=ms.Int64(one_of=(1, 2, 3))"),
        ('col("grade") == "a"', ""),
    ],
)
def test_a_binary_label_and_a_number_are_no_classes(
    write_shop: WriteProject, label: str, contract: str
) -> None:
    assert faults(graded(write_shop, label, contract), GRADED) == []


GRADED = {
    **SCHEMAS,
    "returns": Schema.of(
        order_id=DType.INT64, returned_at=DType.TIMESTAMP, stars=DType.INT64, grade=DType.STRING
    ),
}


def graded(write_shop: WriteProject, label: str, contract: str):
    return write_shop(
        ('col("refund") > 0', label), (GRADES, f"{GRADES}, contract=ms.Contract({contract})")
    )
