"""A fit that reads a file: what a plan says of it before and after the file is declared, and what
an edit of the file does.
"""

from pathlib import Path

import pytest

import mainspring as ms
from mainspring.project.errors import ProjectErrors

PROJECT = """
import json
from pathlib import Path

import mainspring as ms
from mainspring import col
from sklearn.linear_model import LogisticRegression

sales = ms.Source("sales", path="sales.csv", id="sale", event_time="at",
    contract=ms.Contract(sale=ms.String(), shop=ms.String(), at=ms.Timestamp(),
                         amount=ms.Float64()))
takings = ms.FeatureView("takings", source=sales, entities=[ms.Entity("shop")], windows=["1h"],
    features={"sales": ms.count()})
late = ms.TrainingSet("late", spine=sales, prediction_time=col("at"), request=["shop"],
    label=ms.Label(sales, col("amount") > 1, join_on="sale"), features=[takings],
    split=ms.split_by_time(train_from="2024-05-01", test_from="2024-05-03",
                           test_until="2024-05-05"))

@ms.model(late)
def lateness(train, run):
    params = json.loads((Path(__file__).parent / "params.json").read_text())
    return LogisticRegression(**params).fit(train.X, train.y)
"""
DECLARED = PROJECT.replace("@ms.model(late)", '@ms.model(late, inputs=["params.json"])')
SALES = "\n".join(
    [
        "sale,shop,at,amount",
        *(
            f"{hour},{'aab'[hour % 3]},2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z,"
            f"{2.0 * (hour % 3 == 1 or hour % 5 == 0)}"
            for hour in range(96)
        ),
    ]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied, and reads a file that it does not declare."""
    folder = tmp_path_factory.mktemp("reads") / "shop"
    folder.mkdir()
    (folder / "sales.csv").write_text(SALES)
    (folder / "params.json").write_text('{"C": 1.0}')
    (folder / "shop.py").write_text(PROJECT)
    ms.Workspace.open(folder).apply()
    return folder


def test_an_empty_plan_says_what_it_cannot_see(folder: Path) -> None:
    (folder / "shop.py").write_text(PROJECT)
    (folder / "params.json").write_text('{"C": 2.0}')
    workspace = ms.Workspace.open(folder)
    plan = workspace.plan()
    assert plan.is_empty
    assert workspace.explain(plan).endswith(
        "model.lateness reads params.json: "
        "not part of the identity; declare it with `inputs=` (shop.py:21)"
    )


def test_the_content_of_a_declared_input_is_part_of_the_model(folder: Path) -> None:
    (folder / "shop.py").write_text(DECLARED)
    (folder / "params.json").write_text('{"C": 1.0}')
    ms.Workspace.open(folder).apply()
    assert ms.Workspace.open(folder).plan().is_empty
    (folder / "params.json").write_text('{"C": 2.0}')
    plan = ms.Workspace.open(folder).plan()
    [change] = [change for change in plan.changes if change.asset == "model.lateness"]
    assert [field.field for field in change.fields] == ["inputs.params.json"]
    assert "inputs.params.json  its content" in ms.Workspace.open(folder).explain(plan)
    assert plan.unseen == ()


def test_an_input_that_is_gone_is_a_fault_of_the_project(folder: Path) -> None:
    (folder / "shop.py").write_text(DECLARED.replace('inputs=["params', 'inputs=["gone'))
    with pytest.raises(ProjectErrors) as refused:
        ms.Workspace.open(folder).plan()
    assert [fault.code for fault in refused.value.faults] == ["PRJ-061"]
