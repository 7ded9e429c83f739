"""Labels that come back after their predictions, seen by features that read the same source."""

from pathlib import Path

import polars as pl
import pytest

from mainspring.app.cli.create import create_project
from mainspring.app.workspace import Workspace
from mainspring.elements.time import parse_instant

pytestmark = pytest.mark.journey

ROW = {"shop": "station", "distance_km": 2.5, "ordered_at": "2024-03-28T18:00:00Z"}


def slowness(workspace: Workspace, *times: str) -> list[object]:
    """The mean of the last three hours of one shop, as it was known at these times."""
    at = [parse_instant(time) for time in times]
    spine = pl.DataFrame({"shop": ["station"] * len(at), "prediction_time": at})
    found = workspace.get_historical_features(["pace"], spine=spine)
    return found["shop__minutes_mean__3h"].to_list()


def test_a_label_by_id_is_in_features_from_when_it_came_on(tmp_path: Path) -> None:
    create_project(tmp_path, "deliveries")
    asked = Workspace.open(tmp_path, as_of="2024-03-28T18:00:00Z")
    asked.apply()
    [made] = asked.predict("late-delivery", [{**ROW, "order_id": 800_001}])
    between, behind = "2024-03-28T19:30:00Z", "2024-03-28T20:30:00Z"
    before = slowness(Workspace.open(tmp_path, as_of="2024-03-28T21:00:00Z"), between, behind)
    came = Workspace.open(tmp_path, as_of="2024-03-28T20:00:00Z")
    told = came.feedback({"prediction": made.id, "shop": "station", "minutes": 240.0})
    assert told.accepted == 1
    later = Workspace.open(tmp_path, as_of="2024-03-28T21:00:00Z")
    after = slowness(later, between, behind)
    # Its event time is that of the prediction, which lies in both windows.
    assert after[0] == before[0]
    assert after[1] != before[1]
    fact = later.facts_of(later.source("deliveries")).filter(pl.col("order_id") == 800_001)
    [(happened, seen)] = fact.select(pl.col("_event_time", "_visible_from").cast(pl.Int64)).rows()
    assert happened < parse_instant(between) < parse_instant("2024-03-28T20:00:00Z") <= seen
