"""What people see of features, word by word: the list, one view in words and blocks, and a test of
parity.

Written again as the texts of `test_command_line` are.
"""

import pytest

import mainspring as ms
from mainspring import col
from mainspring.app.cli.commands.features import features_lines, parity_lines, view_lines
from mainspring.app.cli.paint import Paint
from mainspring.app.workspace import Workspace
from mainspring.elements.time import MINUTE, parse_instant
from mainspring.engines.local.clock import FrozenClock
from tests.golden.test_command_line import assert_golden

PLAIN = Paint(colour=False)
NOON = parse_instant("2024-05-01T12:00:00Z")

CONTRACT = ms.Contract(
    n=ms.Int64(),
    harbour=ms.String(),
    at=ms.Timestamp(),
    wait=ms.Float64(),
    flag=ms.String(),
    is_late=ms.Boolean(),
)
CALLS = ms.Source(
    "calls", id="n", event_time="at", known_at=ms.assumed_delay("5m"), contract=CONTRACT
)
NEWS = ms.Source("news", id="n", event_time="at", contract=CONTRACT)
HARBOUR = ms.Entity("harbour")
WAITS = ms.FeatureView(
    "waits",
    source=CALLS,
    entities=[ms.Entity("everywhere", join_keys=[]), HARBOUR],
    windows=["1h", "unbounded"],
    features={
        "calls": ms.count(),
        "wait": col("wait").mean(where=col("flag") != "NO"),
        "trend": col("wait").ewma(half_life="30m"),
        "flag": col("flag").last(),
        "late": col("is_late").any(),
        "flags": col("flag").last_k(3),
        "since": col("wait").time_since_last(),
    },
    hop="5m",
    description="how long ships wait",
)
BOTH = ms.FeatureView(
    "both", source=[CALLS, NEWS], entities=[HARBOUR], windows=["1d"], features={"n": ms.count()}
)
NEWEST = ms.FeatureView(
    "newest", source=NEWS, entities=[HARBOUR], features=ms.latest("flag"), ttl="2h"
)
PORT = ms.FeatureSet(
    "port", features=["waits:harbour__calls__1h", "waits:harbour__flag__1h", NEWEST]
)


def call(n: int) -> dict[str, object]:
    minutes = 5 * n + 7
    at = f"2024-05-01T{11 - minutes // 60:02}:{59 - minutes % 60:02}:00Z"
    return {
        "n": n,
        "harbour": f"H{n % 7}",
        "at": at,
        "wait": (n * n) % 37 / 4,
        "flag": ("NO", "DK", "SE")[n % 3],
        "is_late": n % 4 == 0 and n < 60,
    }


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    """Two views with state, one of them a little behind, one without, and a feature set."""
    workspace = Workspace.in_memory([WAITS, BOTH, NEWEST, PORT], clock=FrozenClock(NOON))
    workspace.ingest("calls", [call(n) for n in range(120)], history=True)
    workspace.get_online_features(["waits", "both"], keys=[{"harbour": "H1"}])
    workspace.ingest("news", [call(n) for n in range(3)], history=True)
    return workspace


def test_the_list_of_views_reads_as_agreed(workspace: Workspace) -> None:
    assert_golden(
        "features", "\n".join(features_lines(workspace.feature_views.report(), PLAIN)) + "\n"
    )


@pytest.mark.parametrize("view", ["waits", "both", "newest"])
def test_a_view_in_words_and_blocks_reads_as_agreed(workspace: Workspace, view: str) -> None:
    assert_golden(
        f"features-show-{view}",
        "\n".join(view_lines(workspace.feature_views.show(view), PLAIN)) + "\n",
    )


def test_a_test_of_parity_reads_as_agreed(workspace: Workspace) -> None:
    assert_golden("test-parity", "\n".join(parity_lines(workspace.parity.test(50), PLAIN)) + "\n")


def test_an_environment_without_views_says_so() -> None:
    report = Workspace.in_memory([NEWS], clock=FrozenClock(NOON + MINUTE)).feature_views.report()
    assert list(features_lines(report, PLAIN)) == ["dev declares no feature view"]
