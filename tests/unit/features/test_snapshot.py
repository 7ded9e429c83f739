"""A shard as one object: the same state is the same bytes, and a store that lacks the shard begins
with it.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements.events import ProjectName
from mainspring.elements.time import DAY, MINUTE
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.local.state import SqliteState
from mainspring.features.errors import SnapshotUnreadable
from mainspring.features.kernel.program import UNBOUNDED_SPAN
from mainspring.features.state.replicate import (
    SNAPSHOT,
    forget_snapshot,
    read_shard,
    restore_shard,
    snapshot_shard,
)
from mainspring.features.state.snapshot import Snapshot, parse_snapshot, render_snapshot
from mainspring.features.state.stream import materialize_view
from mainspring.ports.errors import StaleWrite
from mainspring.ports.online import Position
from tests.unit.features.history import TOPIC, landing, log_of, records_of, windowed

VIEW = windowed("delays", windows=("10m",))
LANDINGS = [landing(minute, city=f"city {minute % 7}", delay=minute / 3) for minute in range(200)]
ROWS = st.dictionaries(st.binary(max_size=40), st.binary(max_size=80), max_size=8).map(
    lambda rows: tuple(sorted(rows.items()))
)
POSITIONS = st.builds(
    Position,
    st.lists(st.tuples(st.text(max_size=9), st.integers(0, 2**62)), max_size=3).map(tuple),
    st.integers(-(2**62), 2**62),
)


@pytest.fixture
def state() -> SqliteState:
    return SqliteState(None, ProjectName("snapshots"))


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


def folded(log: SqliteLog) -> SqliteOnline:
    online = SqliteOnline(None)
    materialize_view(VIEW, log=log, online=online, now=0)
    return online


@given(st.text(max_size=20), POSITIONS, ROWS)
def test_a_snapshot_is_read_as_it_was_written(shard: str, position: Position, rows) -> None:
    snapshot = Snapshot(shard=shard, position=position, rows=rows)
    assert parse_snapshot(render_snapshot(snapshot)) == snapshot


@given(st.data())
def test_a_snapshot_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    payload = render_snapshot(
        Snapshot(shard="s", position=Position((), 0), rows=((b"a", b"1"), (b"b", b"22")))
    )
    with pytest.raises(SnapshotUnreadable):
        parse_snapshot(payload[: data.draw(st.integers(0, len(payload) - 1))])


def test_the_same_records_in_other_batches_have_a_snapshot_of_the_same_name(
    state: SqliteState, objects: MemoryObjects
) -> None:
    whole, pieces = (
        snapshot_shard(
            "delays", online=folded(log_of(LANDINGS, batches=n)), objects=objects, state=state, at=0
        )
        for n in (1, 9)
    )
    assert whole is not None
    assert pieces is not None
    assert whole.digest == pieces.digest
    assert len(list(objects.iter_digests())) == 1


def test_a_new_replica_begins_with_a_snapshot_and_folds_the_tail(
    state: SqliteState, objects: MemoryObjects
) -> None:
    log = log_of(LANDINGS[:150])
    snapshot_shard("delays", online=folded(log), objects=objects, state=state, at=0)
    log.append({TOPIC: records_of(LANDINGS[150:])}, expected={})
    log.trim(TOPIC, 150)
    replica = SqliteOnline(None)
    restored = restore_shard(
        "delays", online=replica, objects=objects, state=state, log=log, kept_from=UNBOUNDED_SPAN
    )
    assert restored is not None
    assert restored.offset(TOPIC) == 150
    materialize_view(VIEW, log=log, online=replica, now=0)
    assert read_shard("delays", replica) == read_shard("delays", folded(log_of(LANDINGS)))


@pytest.mark.parametrize(
    ("kept", "kept_from"),
    [(10, UNBOUNDED_SPAN), (200, -UNBOUNDED_SPAN)],
    ids=["ahead of the log", "lacks what is needed"],
)
def test_a_snapshot_that_would_not_do_is_passed_over(
    state: SqliteState, objects: MemoryObjects, kept: int, kept_from: int
) -> None:
    snapshot_shard("delays", online=folded(log_of(LANDINGS)), objects=objects, state=state, at=0)
    replica = SqliteOnline(None)
    assert (
        restore_shard(
            "delays",
            online=replica,
            objects=objects,
            state=state,
            log=log_of(LANDINGS[:kept]),
            kept_from=kept_from,
        )
        is None
    )
    assert replica.shards() == {}


def test_a_shard_that_exists_is_not_replaced(state: SqliteState, objects: MemoryObjects) -> None:
    online = folded(log_of(LANDINGS))
    snapshot_shard("delays", online=online, objects=objects, state=state, at=0)
    with pytest.raises(StaleWrite):
        restore_shard(
            "delays",
            online=online,
            objects=objects,
            state=state,
            log=log_of(LANDINGS),
            kept_from=UNBOUNDED_SPAN,
        )


def test_an_absent_shard_has_no_snapshot_and_an_empty_one_has(
    state: SqliteState, objects: MemoryObjects
) -> None:
    online = SqliteOnline(None)
    assert snapshot_shard("delays", online=online, objects=objects, state=state, at=0) is None
    online.commit("delays", {}, expected=None, position=Position(((TOPIC, 0),), 0))
    kept = snapshot_shard("delays", online=online, objects=objects, state=state, at=DAY)
    assert kept is not None
    assert (kept.rows, kept.made_at) == (0, DAY)


def test_a_snapshot_that_is_forgotten_is_not_found(
    state: SqliteState, objects: MemoryObjects
) -> None:
    snapshot_shard(
        "delays", online=folded(log_of(LANDINGS)), objects=objects, state=state, at=MINUTE
    )
    forget_snapshot("delays", state)
    forget_snapshot("delays", state)
    assert state.get(SNAPSHOT, "delays") is None
