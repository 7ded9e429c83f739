"""A sum that leaves int64 stops the read that asked for it, and nothing that looks at views."""

import pytest

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.elements.time import parse_instant
from mainspring.engines.local.clock import FrozenClock
from mainspring.features.errors import FeatureOverflow

NOON = parse_instant("2024-05-01T12:00:00Z")
CONTRACT = ms.Contract(n=ms.Int64(), at=ms.Timestamp(), city=ms.String(), bags=ms.Int64())
LANDINGS = ms.Source("landings", id="n", event_time="at", contract=CONTRACT)
CITY, ALL = ms.Entity("city"), ms.Entity("all", join_keys=[])
BAGS = ms.FeatureView(
    "bags",
    source=LANDINGS,
    entities=[ALL, CITY],
    windows=["1h"],
    features={"total": col("bags").sum()},
)
CALLS = ms.FeatureView(
    "calls", source=LANDINGS, entities=CITY, windows=["1h"], features={"n": ms.count()}
)


@pytest.fixture
def workspace() -> Workspace:
    """Two landings in London whose bags do not fit together, and one in Paris that makes up for
    it.
    """
    workspace = Workspace.in_memory([BAGS, CALLS], clock=FrozenClock(NOON))
    bags = [("London", 2**62), ("London", 2**62), ("Paris", -(2**62))]
    rows = [
        {"n": n, "at": NOON - 60_000_000 * (n + 1), "city": city, "bags": many}
        for n, (city, many) in enumerate(bags)
    ]
    workspace.ingest("landings", rows, history=True)
    workspace.apply()
    return workspace


def test_the_column_and_the_row_are_named(workspace: Workspace) -> None:
    with pytest.raises(
        FeatureOverflow, match="feature city__total__1h does not fit int64 in row 1"
    ):
        workspace.get_online_features(["bags"], keys=[{"city": "Paris"}, {"city": "London"}])


def test_looking_at_the_view_says_so(workspace: Workspace) -> None:
    assert (
        workspace.feature_views.show("bags").silence
        == "FEA-001 city__total__1h does not fit int64 for one of the keys"
    )


def test_a_test_of_parity_goes_on_with_the_others(workspace: Workspace) -> None:
    counts = {count.subject: count for count in workspace.parity.test(10).counts}
    assert counts["view.bags"].reason.startswith("FEA-001")
    assert counts["view.calls"].checked > 0
