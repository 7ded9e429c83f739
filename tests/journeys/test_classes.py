"""A model of several classes, from a label that is a text to answers, replays and a batch."""

import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mainspring.app.workspace import Workspace
from mainspring.datasets.predictions import Predictions, class_scores
from mainspring.project.errors import ProjectErrors
from mainspring.serving.endpoint_models import EndpointModels
from mainspring.serving.explain import Explanation
from mainspring.serving.predict import Prediction, difference
from mainspring.serving.protocol.metadata import metadata_of
from mainspring.stats.metrics import METRICS
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


def test_the_protocol_names_the_classes_in_the_order_of_the_scores(workspace: Workspace) -> None:
    model = EndpointModels(workspace.host()).find("species", "", revision="")
    parameters = metadata_of(model).parameters
    assert tuple(parameters["classes"]) == CLASSES
    assert metadata_of(model).outputs[0].shape == (-1, len(CLASSES))


def test_a_model_card_names_the_classes(workspace: Workspace) -> None:
    card = str(workspace.models.card("species"))
    assert "gives the probabilities of setosa, versicolor, virginica" in card


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


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("two")
    write_garden(folder)
    (folder / "garden.py").write_text(OF_CLASSES)
    workspace = Workspace.open(folder)
    assert workspace.apply().moved
    return workspace


def test_a_model_of_two_classes_gives_the_probability_of_both(of_two: Workspace) -> None:
    workspace = of_two
    first, second = workspace.predict("species", [ROW, ROW | {"petal": 1.0}])
    assert [first.predicted_class, second.predicted_class] == ["setosa", "virginica"]
    for each in (first, second):
        assert isinstance(each.scores, dict)
        assert set(each.scores) == {"setosa", "virginica"}
        assert each.score == max(each.scores.values()) > 0.5
    assert "identical" in workspace.trace(first).lines[0]


def test_the_predicted_class_is_explained_everywhere(workspace: Workspace, tmp_path: Path) -> None:
    rows = [ROW, ROW | {"petal": 1.0}]
    answers = workspace.predict("species", rows, explain=True)
    again = workspace.explain_predictions([each.id for each in answers])
    asked, answered = tmp_path / "asked.csv", tmp_path / "answered.parquet"
    pl.DataFrame(rows).write_csv(asked)
    workspace.batch_predict("species", asked, answered, explain=True)
    batch = pl.read_parquet(answered).to_dicts()
    for answer, other, row in zip(answers, again, batch, strict=True):
        said = answer.explanation
        assert isinstance(said, Explanation)
        assert said.explained_class == other.explained_class == answer.predicted_class
        assert said.contributions == other.contributions
        assert math.isclose(said.base + sum(said.contributions.values()), said.raw, abs_tol=1e-9)
        assert (row["base_value"], row["raw_score"]) == (said.base, said.raw)
        shares = {name: row[f"contribution_{name}"] for name in said.contributions}
        assert shares == said.contributions
    assert len({each.predicted_class for each in answers}) == 2


@pytest.mark.parametrize("petal", [1.0, 5.0])
def test_of_two_classes_the_one_that_is_predicted_is_explained(
    of_two: Workspace, petal: float
) -> None:
    [answer] = of_two.predict("species", ROW | {"petal": petal}, explain=True)
    said = answer.explanation
    assert isinstance(said, Explanation)
    assert said.explained_class == answer.predicted_class
    assert said.raw > 0
    assert math.isclose(1 / (1 + math.exp(-said.raw)), answer.score)
    assert math.isclose(said.base + sum(said.contributions.values()), said.raw, abs_tol=1e-9)


def test_a_class_that_the_fitted_rows_lack_counts_as_wrong() -> None:
    known = Predictions(
        pl.DataFrame({"_label": ["a", "z"]}).with_columns(
            class_scores(np.array([[0.75, 0.25], [1.0, 0.0]]), ["a", "b"])
        )
    )
    assert known.labels.tolist() == [0.0, -1.0]
    assert METRICS["accuracy"](known.labels, known.scores) == 0.5
    assert METRICS["brier"](known.labels, known.scores) == (0.125 + 2.0) / 2
    assert known.scores_among(["a", "b", "z"]).tolist() == [[0.75, 0.25, 0.0], [1.0, 0.0, 0.0]]


def test_answers_that_swap_classes_differ() -> None:
    def answer(**scores: float) -> Prediction:
        top = max(scores.values())
        return Prediction(id="p", score=top, version="sha256:0", at=0, scores=scores)

    assert difference(answer(a=0.25, b=0.75), answer(a=0.75, b=0.25)) == 0.5
    assert difference(answer(a=0.25, b=0.75), answer(b=0.75, c=0.25)) == 0.25


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
