"""A plan is obeyed or refused whole: what moved since it was made is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import mainspring as ms
from mainspring.project.errors import PlanStale
from tests.unit.project.desk import CLERK, copied, edited, write_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """A project on disk that trains in a moment."""
    return write_desk(tmp_path)


def test_a_plan_for_an_environment_that_moved_says_who_moved_it(desk: Path) -> None:
    late, first = ms.Workspace.open(desk), ms.Workspace.open(desk, actor=CLERK)
    plan = late.plan()
    first.apply()
    with pytest.raises(PlanStale, match=f"dev moved from version 0 to 1, by {CLERK} at .*apply"):
        late.apply(plan)


def test_a_plan_is_not_applied_with_edited_code(desk: Path) -> None:
    plan = ms.Workspace.open(desk).plan()
    edited(desk, "num_leaves=4", "num_leaves=5")
    fresh = ms.Workspace.open(desk)
    with pytest.raises(PlanStale, match=r"model.slow was edited"):
        fresh.apply(plan)
    assert fresh.status().version == 0


def test_a_plan_is_not_applied_with_an_edited_policy(desk: Path) -> None:
    plan = ms.Workspace.open(desk).plan()
    edited(desk, "latency(p99_ms=500", "latency(p99_ms=400")
    with pytest.raises(PlanStale, match=r"the policy of model.slow was edited"):
        ms.Workspace.open(desk).apply(plan)


def test_a_plan_knows_what_is_declared_since_and_no_longer(desk: Path) -> None:
    plan = ms.Workspace.open(desk).plan()
    edited(desk, 'ms.Endpoint("slow"', 'ms.Endpoint("slower"')
    with pytest.raises(PlanStale, match=r"endpoint.slow is no longer .*endpoint.slower is newly"):
        ms.Workspace.open(desk).apply(plan)


def test_a_plan_is_applied_where_only_comments_were_edited(desk: Path) -> None:
    plan = ms.Workspace.open(desk).plan()
    edited(desk, "import mainspring as ms", "import mainspring as ms  # a comment")
    assert ms.Workspace.open(desk).apply(plan).version == 1


def test_a_plan_that_was_applied_is_stale(desk: Path) -> None:
    workspace = ms.Workspace.open(desk)
    plan = workspace.plan()
    workspace.apply(plan)
    with pytest.raises(PlanStale, match="dev moved from version 0 to 1"):
        workspace.apply(plan)


def test_a_promotion_notices_that_what_is_promoted_moved(
    applied_desk: Path, tmp_path: Path
) -> None:
    desk = copied(applied_desk, tmp_path)
    workspace = ms.Workspace.open(desk)
    plan = workspace.plan_promotion("staging")
    edited(desk, "num_leaves=4", "num_leaves=5")
    ms.Workspace.open(desk, actor=CLERK).apply()
    with pytest.raises(PlanStale, match="dev moved from version 1 to 2"):
        workspace.apply(plan)
