"""A leak is found, the declaration corrected, and nothing of the leak stays in charge."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import mainspring as ms

PROJECT = """
from sklearn.linear_model import LogisticRegression
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
import mainspring as ms
from mainspring import col

asks = ms.Source("asks", "asks.csv", id="id", event_time="t")
truth = ms.Source("truth", "truth.csv", id="id", event_time="happened"KNOWN)
view = ms.FeatureView("view", source=truth, entities=[ms.Entity("k")], windows=["1d"],
    features={"y": col("y").mean(), "noise": ms.count()})
request = ms.OnDemandFeatureView("request", features={"x": col("x")})
history = ms.TrainingSet("history", spine=asks, prediction_time=col("t"), request=["k", "x"],
    label=ms.Label(truth, col("y") > 0, join_on="id"), features=[view, request],
    split=ms.split_by_time(
        train_from="2024-01-01", test_from="2024-01-06", test_until="2024-03-01"))

@ms.model(history, gates=[ms.gates.no_leakage(max_single_feature_auc=1.0, max_pair_auc=1.0)])
def m(train, run):
    steps = SimpleImputer(keep_empty_features=True), LogisticRegression()
    return make_pipeline(*steps).fit(train.X, train.y)

ms.Endpoint("m", model=m)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng, at = random.Random(2), datetime(2024, 1, 1, tzinfo=UTC)
    asks, truth = ["id,t,k,x"], ["id,happened,known,k,y"]
    for n in range(500):
        at += timedelta(minutes=20)
        before, later = at - timedelta(minutes=1), at + timedelta(hours=6)
        asks.append(f"{n},{at:%Y-%m-%dT%H:%M:%SZ},K{n},{rng.random():.3f}")
        times = f"{before:%Y-%m-%dT%H:%M:%SZ},{later:%Y-%m-%dT%H:%M:%SZ}"
        truth.append(f"{n},{times},K{n},{int(rng.random() < 0.4)}")
    (tmp_path / "asks.csv").write_text("\n".join(asks) + "\n")
    (tmp_path / "truth.csv").write_text("\n".join(truth) + "\n")
    return tmp_path


def declared(folder: Path, known: str = "") -> ms.Workspace:
    (folder / "p.py").write_text(PROJECT.replace("KNOWN", known))
    return ms.Workspace.open(folder)


def strength(workspace: ms.Workspace) -> float:
    """How well the model in charge tells the outcomes of the test rows apart."""
    report = workspace.models.report("m")
    return next(metric.value for metric in report.metrics if metric.name == "roc_auc")


def test_a_leak_that_known_at_repairs_is_gone_from_the_model(folder: Path) -> None:
    leaking = declared(folder)
    leaking.apply()
    assert strength(leaking) == 1.0
    mended = declared(folder, ', known_at="known"')
    [change] = [each for each in mended.plan().changes if each.asset == "source.truth"]
    assert [field.field for field in change.fields] == ["known_at"]
    mended.apply()
    assert 0.3 < strength(mended) < 0.7


def test_a_run_on_data_makes_the_whole_environment(folder: Path) -> None:
    workspace = declared(folder, ', known_at="known"')
    workspace.run("m")
    status = workspace.status()
    assert [endpoint.name for endpoint in status.endpoints] == ["m"]
    assert workspace.plan().is_empty
