"""A score is a number: what has none is refused before it serves, and told to whoever asks."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

import mainspring as ms

pytestmark = pytest.mark.journey

COMMAND = Path(sys.executable).with_name("mainspring")
PROJECT = """
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

import mainspring as ms
from mainspring import col

s = ms.Source("s", "s.csv", id="id", event_time="t")
g = ms.FeatureView(
    "g", source=s, entities=[ms.Entity("g")], windows=["7d"],
    features={"n": ms.count(), "m": col("x").mean()},
)
o = ms.OnDemandFeatureView("o", features={"x": col("x")})
h = ms.TrainingSet(
    "h", spine=s, prediction_time=col("t"), request=["g", "x"],
    label=ms.Label(s, col("y") > 0.5, join_on="id"), features=[g, o],
    split=ms.split_by_time(
        train_from="2024-01-08", test_from="2024-01-20", test_until="2024-03-01"
    ),
)

@ms.model(h, gates=[ms.gates.min_metric("roc_auc", 0.6)])
def m(train, run):
    return LogisticRegression().fit(train.X, train.y)

ms.Endpoint("m", model=m)
"""
SETTINGS = 'name = "n"\n[environments.dev]\nas_of = 2024-01-28T23:30:00Z\n'
REQUIRED = ', ms.gates.finite_scores(required=["g__m__7d"])]'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    dice, rows = Random(3), ["id,t,g,x,y"]
    for i in range(1200):
        x = dice.random()
        day, hour, y = 1 + i * 28 // 1200, i % 24, x + dice.gauss(0, 0.5)
        rows.append(f"{i},2024-01-{day:02}T{hour:02}:00:00Z,{dice.choice('abc')},{x:.4f},{y:.4f}")
    (tmp_path / "s.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "project.toml").write_text(SETTINGS)
    (tmp_path / "p.py").write_text(PROJECT)
    return tmp_path


def edit(project: Path, old: str, new: str) -> None:
    file = project / "p.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


@pytest.fixture
def requiring(project: Path) -> Path:
    """The project with a model that says that it needs what a new key lacks."""
    edit(project, '"roc_auc", 0.6)]', f'"roc_auc", 0.6){REQUIRED}')
    ms.Workspace.open(project).apply()
    return project


@pytest.fixture
def served(requiring: Path) -> Iterator[tuple[str, str]]:
    """The address of a server, and a token."""
    command = [COMMAND, "serve", "--port", "0", "--project", requiring]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = next(w for w in process.stdout.readline().split() if w.startswith("http://"))
            yield url, (requiring / ".mainspring" / "token").read_text().strip()
        finally:
            process.terminate()


def post(served: tuple[str, str], path: str, body: object) -> tuple[int, Any]:
    url, token = served
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_model_without_an_answer_for_new_keys_does_not_serve(project: Path) -> None:
    with pytest.raises(ms.MainspringError, match="GAT-010") as refused:
        ms.Workspace.open(project).apply()
    assert "no finite score where a feature is missing: g__m__7d" in str(refused.value)
    assert ms.Workspace.open(project).status().version == 0


def test_an_imputer_answers_for_new_keys_and_for_what_a_request_lacks(project: Path) -> None:
    edit(
        project,
        "LogisticRegression().fit",
        "make_pipeline(SimpleImputer(), LogisticRegression()).fit",
    )
    workspace = ms.Workspace.open(project)
    workspace.apply()
    answers = workspace.predict("m", [{"g": "new", "x": 0.5}, {"g": "a", "x": None}])
    assert all(0.0 < answer.score < 1.0 for answer in answers)


def test_a_model_that_requires_features_refuses_requests_without_them(
    served: tuple[str, str], requiring: Path
) -> None:
    predict, infer = "/v1/endpoints/m/predict", "/v2/models/m/infer"
    known = {"g": "a", "x": 0.5}
    for rows, missing in (
        ([{"g": "new", "x": 0.5}], "g__m__7d"),
        ([known, known | {"x": None}], "x"),
    ):
        status, problem = post(served, predict, {"rows": rows})
        assert (status, problem["code"]) == (422, "SRV-022")
        assert problem["detail"].endswith(f"missing there: {missing}")
    tensor = {"name": "features", "datatype": "FP64", "shape": [1, 3], "data": [1, None, 0.5]}
    status, problem = post(served, infer, {"inputs": [tensor]})
    assert (status, problem["error"].partition(" ")[0]) == (422, "SRV-022")
    status, answer = post(served, predict, {"rows": [known]})
    assert status == 200
    assert 0.0 < answer["predictions"][0]["score"] < 1.0
    with pytest.raises(ms.MainspringError, match="SRV-022"):
        ms.Workspace.open(requiring).predict("m", {"g": "new", "x": 0.5})
    command = [COMMAND, "predict", "m", "--row", '{"g":"new","x":0.5}', "--project", requiring]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (2, "")
    assert "SRV-022" in told.stderr


def test_a_regressor_on_a_label_that_is_true_or_false_does_not_serve(project: Path) -> None:
    edit(project, "LogisticRegression().fit", "LinearRegression().fit")
    with pytest.raises(ms.MainspringError, match="TRA-020 'm' returned LinearRegression"):
        ms.Workspace.open(project).apply()
