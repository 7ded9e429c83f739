"""A model of several classes, from a label that is a text to answers, replays and a batch."""

import math
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mainspring.app.workspace import Workspace
from mainspring.project.errors import ProjectErrors
from tests.journeys.test_plain_table import DECLARED, ROW, write_garden

pytestmark = pytest.mark.journey

CLASSES = ("setosa", "versicolor", "virginica")
GATES = (
    "gates=[ms.gates.min_metric('accuracy', 0.5), ms.gates.max_metric('log_loss', 0.9), "
    "ms.gates.beats_champion('accuracy')]"
)
OF_CLASSES = (
    DECLARED.replace('col("species") == "setosa"', 'col("species")')
    .replace("ms.Monitor(species)\n", "")
    .replace("@ms.model(flowers)", f"@ms.model(flowers, {GATES})")
)


def write_three_species(folder: Path, declared: str = OF_CLASSES) -> None:
    """The garden, in which flowers with short petals are of a third kind."""
    write_garden(folder)
    dice, lines = random.Random(2), (folder / "iris.csv").read_text().splitlines()
    for place, line in enumerate(lines[1:], start=1):
        if float(line.split(",")[2]) + dice.gauss(0, 0.5) < 2.4:
            lines[place] = line.rpartition(",")[0] + ",versicolor"
    (folder / "iris.csv").write_text("\n".join(lines) + "\n")
    (folder / "garden.py").write_text(declared)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("classes")
    write_three_species(folder)
    workspace = Workspace.open(folder)
    report = workspace.apply()
    assert report.moved, report
    return workspace


def test_answers_have_the_probability_of_each_class(workspace: Workspace) -> None:
    answers = workspace.predict("species", [ROW, ROW | {"petal": 1.0}])
    assert [each.predicted_class for each in answers] == ["setosa", "versicolor"]
    for each in answers:
        assert isinstance(each.scores, dict)
        assert tuple(each.scores) == CLASSES
        assert math.isclose(sum(each.scores.values()), 1.0)
        assert each.score == max(each.scores.values()) == each.scores[str(each.predicted_class)]


def test_a_replay_compares_every_class(workspace: Workspace) -> None:
    [answer] = workspace.predict("species", ROW)
    assert "identical" in workspace.trace(answer).lines[0]


def test_a_loaded_model_and_a_batch_say_the_same(workspace: Workspace, tmp_path: Path) -> None:
    [answer] = workspace.predict("species", ROW)
    asked, answered = tmp_path / "asked.csv", tmp_path / "answered.parquet"
    pl.DataFrame([ROW]).write_csv(asked)
    workspace.batch_predict("species", asked, answered)
    row = pl.read_parquet(answered).row(0, named=True)
    assert isinstance(answer.scores, dict)
    assert {name: row[f"score_{name}"] for name in CLASSES} == answer.scores
    assert (row["score"], row["predicted_class"]) == (answer.score, answer.predicted_class)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: text.replace("'accuracy'", "'roc_auc'"), "roc_auc is a metric of one score"),
        (lambda text: text + "ms.Monitor(species)\n", "cannot be monitored yet"),
    ],
)
def test_what_knows_one_score_alone_is_refused_before_the_fit(
    tmp_path: Path, edit: Callable[[str], str], said: str
) -> None:
    write_three_species(tmp_path, edit(OF_CLASSES))
    with pytest.raises(ProjectErrors, match=said):
        Workspace.open(tmp_path).plan()
