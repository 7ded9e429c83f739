"""A plain table without time, from the file to a prediction, and where it may not serve."""

import random
from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from mainspring.datasets.errors import NoPredictionTime
from mainspring.engines.local.signer import FileSigner
from mainspring.project.plan.explain import render_plan
from mainspring.serving.errors import ModelRefused
from tests.copies import copied_tree

pytestmark = pytest.mark.journey

ROW = {"bed": 3, "petal": 4.5, "sepal": 5.0}
DECLARED = '''"""Which species is it?"""
import lightgbm as lgb

import mainspring as ms
from mainspring import col

iris = ms.Source("iris", "iris.csv", id="flower", event_time=None)
beds = ms.Source("beds", "beds.csv", id="bed", event_time=None)
garden = ms.FeatureView(
    "garden", source=beds, entities=[ms.Entity("bed")], features=ms.latest("shade")
)
size = ms.OnDemandFeatureView("size", features={"petal": col("petal"), "sepal": col("sepal")})
flowers = ms.TrainingSet(
    "flowers",
    spine=iris,
    request=["bed", "petal", "sepal"],
    label=ms.Label(iris, col("species") == "setosa", join_on="flower"),
    features=[size, garden],
    split=ms.split_by_key("bed", test_share=0.3, seed=7),
)


@ms.model(flowers)
def species(train, run):
    return lgb.LGBMClassifier(n_estimators=20, num_leaves=7, num_threads=1).fit(train.X, train.y)


ms.Endpoint("species", model=species)
ms.Monitor(species)
'''


def write_garden(folder: Path) -> None:
    """A table of flowers and one of the beds that they grow in."""
    dice, flowers = random.Random(1), ["flower,bed,petal,sepal,species"]
    for flower in range(400):
        petal, sepal = dice.gauss(3, 1), dice.gauss(5, 1)
        kind = "setosa" if petal + 0.3 * sepal + dice.gauss(0, 0.8) > 4.5 else "virginica"
        flowers.append(f"{flower},{dice.randrange(40)},{petal:.4f},{sepal:.4f},{kind}")
    beds = ["bed,shade", *(f"{bed},{bed % 3}" for bed in range(40))]
    tester = FileSigner.load_or_create(folder / ".mainspring" / "keys" / "tester").public_key
    trust = "".join(
        f'[environments.{name}]\ntrust.tester = ["{tester}"]\n' for name in ("prod", "staging")
    )
    (folder / "iris.csv").write_text("\n".join(flowers) + "\n")
    (folder / "beds.csv").write_text("\n".join(beds) + "\n")
    (folder / "garden.py").write_text(DECLARED)
    (folder / "project.toml").write_text(f'name = "garden"\n{trust}allow_timeless = true\n')


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("applied") / "garden"
    folder.mkdir()
    write_garden(folder)
    assert Workspace.open(folder).apply().moved
    return folder


@pytest.fixture
def project(applied: Path, tmp_path: Path) -> Path:
    return copied_tree(applied, tmp_path / "garden")


def test_a_plan_says_that_leakage_cannot_be_excluded(tmp_path: Path) -> None:
    write_garden(tmp_path)
    plan = Workspace.open(tmp_path).plan()
    text = render_plan(plan)
    assert "No time: source.iris has no event times, so leakage cannot be excluded; 4" in text
    assert [timeless.source for timeless in plan.timeless] == ["source.iris", "source.beds"]


def test_a_model_of_a_plain_table_answers_and_says_what_it_rests_on(project: Path) -> None:
    workspace = Workspace.open(project)
    likely, unlikely = workspace.predict("species", [ROW, ROW | {"petal": 1.0}])
    assert likely.score > 0.5 > unlikely.score
    assert workspace.plan().is_empty
    assert workspace.status().sources[0].last_event_time is None


def test_a_trace_shows_the_features_and_counts_only_the_others(project: Path) -> None:
    workspace = Workspace.open(project)
    [answer] = workspace.predict("species", ROW | {"petal": None})
    lines = workspace.trace(answer).lines
    assert "  features    bed__shade = 0; sepal = 5 … and 1 more" in lines


def test_rows_that_are_mended_and_removed_are_seen_so_online_and_in_training(project: Path) -> None:
    workspace = Workspace.open(project)
    workspace.ingest("beds", [{"bed": 3, "shade": 9}], op="replace")
    workspace.ingest("beds", [{"bed": 4}], op="delete")
    keys = [{"bed": bed} for bed in (3, 4, 5)]
    assert workspace.get_online_features(["garden"], keys=keys).columns == {
        "bed__shade": [9, None, 2]
    }
    verdicts = {verdict.gate: verdict for verdict in workspace.run("species").verdicts}
    assert verdicts["parity"].passed
    assert "leakage cannot be excluded: no time in beds, iris" in verdicts["no_leakage"].summary


def test_a_protected_environment_refuses_it_unless_its_settings_allow_it(project: Path) -> None:
    workspace = Workspace.open(project)
    with pytest.raises(ModelRefused, match="without event times, so leakage cannot be excluded"):
        workspace.promote("prod")
    workspace.promote("staging")
    assert Workspace.open(project, "staging").predict("species", [ROW])


def test_a_server_refuses_it_once_its_settings_do_not_allow_it_any_more(project: Path) -> None:
    Workspace.open(project).promote("staging")
    settings = project / "project.toml"
    settings.write_text(settings.read_text().replace("allow_timeless = true\n", ""))
    host = Workspace.open(project, "staging").host()
    assert "allow_timeless" in host.endpoint("species").refusal
    assert host.endpoint("species").current is None


def test_days_that_no_row_has_cannot_be_simulated(project: Path) -> None:
    with pytest.raises(NoPredictionTime):
        Workspace.open(project).simulate(start="2024-01-01", days=1)
