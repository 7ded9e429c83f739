"""A model whose features come from two sources at once, through another view, and as lists: from
the declaration to the replay.
"""

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col
from mainspring.features.errors import SpineUnusable

CONTRACT = ms.Contract(
    id=ms.String(), ship=ms.String(), at=ms.Timestamp(), model=ms.String(), late=ms.Boolean()
)
ARRIVALS, DEPARTURES, REGISTER = (
    ms.Source(name, id="id", event_time="at", contract=CONTRACT)
    for name in ("arrivals", "departures", "register")
)
SHIP = ms.Entity("ship")
MODELS = ms.FeatureView("models", source=REGISTER, entities=[SHIP], features=ms.latest("model"))
MODEL = ms.Entity("model", through=MODELS)
CALLS = ms.FeatureView(
    "calls",
    source=[ARRIVALS, DEPARTURES],
    entities=[SHIP, MODEL],
    windows=["6h", "unbounded"],
    features={"n": ms.count(), "models": col("model").value_counts(["brig"])},
    hop="5m",
)
RECENT = ms.FeatureView(
    "recent",
    source=ARRIVALS,
    entities=[SHIP],
    windows=["unbounded"],
    features={"late": col("late").last_k(2)},
)
TRIPS = ms.TrainingSet(
    "trips",
    spine=ARRIVALS,
    prediction_time=col("at"),
    request=["ship"],
    label=ms.Label(ARRIVALS, col("late"), join_on="id"),
    features=[CALLS],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)


@ms.model(TRIPS)
def late(train, run):
    assert {"ship__models__6h.0", "ship__models__6h.1", "model__n__unbounded"} <= set(
        train.feature_names
    )
    return LogisticRegression().fit(train.X, train.y)


def call(hour: int) -> dict[str, object]:
    ship = ("Ada", "Bea", "Eve")[hour % 3]
    at = f"2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z"
    return {
        "id": f"№ {hour}",
        "ship": ship,
        "at": at,
        "model": "brig" if ship != "Eve" else "barge",
        "late": hour % 5 < 2,
    }


@pytest.fixture(scope="module")
def workspace():
    workspace = ms.Workspace.in_memory([ms.Endpoint("late", model=late), RECENT])
    workspace.ingest(
        "register",
        [
            call(0) | {"id": str(hour), "ship": call(hour)["ship"], "model": call(hour)["model"]}
            for hour in range(3)
        ],
        history=True,
    )
    for source in ("arrivals", "departures"):
        workspace.ingest(source, [call(hour) for hour in range(96)], history=True)
    assert workspace.apply().moved
    return workspace


def test_history_and_online_say_the_same_of_unions_lists_and_keys_that_are_looked_up(workspace):
    ships, at = ["Ada", "Eve", "???", None], "2024-05-02T12:42:00Z"
    spine = pl.DataFrame({"ship": ships, "prediction_time": [at] * 4})
    taught = workspace.get_historical_features(["calls", "recent"], spine=spine)
    told = workspace.get_online_features(
        ["calls", "recent"], keys=[{"ship": ship} for ship in ships], at=at
    )
    assert {name: taught[name].to_list() for name in told.columns} == told.columns
    assert told.columns["model__n__unbounded"] == [50, 24, 0, 0]
    assert told.columns["ship__models__6h"] == [[4, 0], [0, 4], [0, 0], [0, 0]]


def test_a_prediction_is_replayed_from_the_positions_of_every_source_that_it_read(workspace):
    (prediction,) = workspace.predict("late", {"ship": "Ada"})
    assert workspace.trace(prediction.id).read_at == {
        "models": 3,
        "calls/arrivals": 96,
        "calls/departures": 96,
    }
    workspace.ingest("register", [call(0) | {"id": "later", "model": "barge"}], history=True)
    workspace.ingest("departures", [call(1) | {"id": "later", "ship": "Ada"}], history=True)
    assert [replay.outcome for replay in workspace.replay(prediction.id)] == ["identical"]


def test_a_list_is_logged_as_it_was_read_and_the_matrix_has_a_column_for_each_element(workspace):
    (prediction,) = workspace.predict("late", {"ship": "Eve"})
    assert workspace.trace(prediction.id).features["ship__models__unbounded"] == [0, 64]


def test_a_view_that_looks_keys_up_has_that_view_as_a_parent(workspace):
    graph = workspace.project.graph
    assert graph.assets["view.calls"].parents == (
        "source.arrivals",
        "source.departures",
        "view.models",
    )
    assert "training_set.trips" in graph.downstream(["source.register"])


def test_a_spine_without_the_key_to_look_up_by_is_refused(workspace):
    with pytest.raises(SpineUnusable, match="ship"):
        workspace.get_historical_features(
            ["calls"],
            spine=pl.DataFrame({"model": ["brig"], "prediction_time": ["2024-05-02T12:42:00Z"]}),
        )
