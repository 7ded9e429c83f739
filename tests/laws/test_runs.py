"""What is appended to rows and what is in trees are two ways to hold the same facts: nobody who
reads can tell, whenever the one becomes the other.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.time import HOUR
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.kernel.tree.page import HEAD_LEVEL, LEVEL, RUN_LEVEL
from mainspring.features.online.measure import measure_state
from mainspring.features.online.read import read_online
from mainspring.features.state.pages import read_page, split_row
from mainspring.features.state.replicate import read_shard
from mainspring.features.state.runs import RunLimits, ShardRuns
from mainspring.features.state.snapshot import parse_snapshot, render_snapshot
from mainspring.features.state.stream import materialize_view, merge_runs, shards_of
from mainspring.features.view import CompiledView
from tests.proof.declared import VIEWS
from tests.proof.history import history_of
from tests.proof.reading import folded, ingest, opened, rows_of
from tests.unit.features.history import TOPIC, landing, log_of, records_of, windowed

SEEDS = st.integers(0, 10_000)
LIMITS = st.builds(
    RunLimits,
    key_bytes=st.sampled_from([0, 300, 2_000, 10**9]),
    shard_bytes=st.sampled_from([0, 500, 5_000, 10**9]),
    keys_at_once=st.sampled_from([1, 3, 100]),
    fold_records=st.sampled_from([1, 40, 10**9]),
)
APPEND_ALL = RunLimits(key_bytes=10**9, shard_bytes=10**9)
LATE = 2**60
SIZE = 120


def streamed(view: CompiledView, seed: int, limits: RunLimits) -> tuple[SqliteLog, SqliteOnline]:
    log, online = SqliteLog(None), opened(view)
    for delivery in history_of(seed, size=SIZE).deliveries:
        ingest(delivery, log)
        materialize_view(view, log=log, online=online, now=delivery.moment, limits=limits)
    return log, online


def answers(view: CompiledView, seed: int, online: SqliteOnline) -> str:
    last = history_of(seed, size=SIZE).deliveries[-1].moment
    moments, cities = [last, last + HOUR], ["JFK", "LGA", "SFO", "nowhere", None]
    keys = {
        "city": cities * len(moments),
        "gate": ["A1", "Ä2", None, "B", "C"] * len(moments),
    }
    at = [moment for moment in moments for _ in cities]
    return repr(read_online([view], online, keys, at=at).columns)


@pytest.mark.parametrize("name", ["sums", "sums_ever", "newest", "single"])
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS, limits=LIMITS)
def test_whenever_runs_are_taken_into_trees_answers_and_trees_are_the_same(
    name: str, seed: int, limits: RunLimits
) -> None:
    view = VIEWS[name].compiled
    log, online = streamed(view, seed, limits)
    at_once = folded(view, log)
    assert answers(view, seed, online) == answers(view, seed, at_once)
    assert rows_of(view, online) == rows_of(view, at_once)
    assert answers(view, seed, online) == answers(view, seed, at_once)


@settings(max_examples=4, deadline=None)
@given(seed=SEEDS)
def test_a_snapshot_of_what_is_appended_is_one_of_the_same_state(seed: int) -> None:
    view = VIEWS["sums"].compiled
    _, online = streamed(view, seed, APPEND_ALL)
    restored = SqliteOnline(None)
    for shard in shards_of(view):
        taken = read_shard(shard, online)
        assert taken is not None
        taken = parse_snapshot(render_snapshot(taken))
        restored.commit(shard, dict(taken.rows), expected=None, position=taken.position)
    assert answers(view, seed, restored) == answers(view, seed, online)
    assert restored.appended(view.shard) == {}
    merge_runs(view, online=restored, now=LATE)
    log, _ = streamed(view, seed, APPEND_ALL)
    late = replace(history_of(seed + 1, size=SIZE).deliveries[-1], is_history=False)
    ingest(late, log)
    materialize_view(view, log=log, online=restored, now=late.moment)
    assert answers(view, seed, restored) == answers(view, seed, folded(view, log))


def test_a_frame_is_appended_and_no_tree_is_written() -> None:
    view, online = windowed(), SqliteOnline(None)
    materialize_view(view, log=log_of([landing(5), landing(6)]), online=online, now=0)
    [(key, row)] = online.iter_rows(view.shard)
    levels = {int(read_page(page, view.tiles).header[LEVEL]) for page in split_row(row)}
    assert levels == {RUN_LEVEL}
    assert online.appended(view.shard) == {key: len(row)}
    assert measure_state(view, online).newest_event == 6 * 60_000_000


def test_facts_that_come_late_begin_a_page_of_their_own() -> None:
    view, online = windowed(), SqliteOnline(None)
    landings = [landing(5), landing(9), landing(7, id="late"), landing(8)]
    materialize_view(view, log=log_of(landings, batches=1), online=online, now=0)
    [(_, row)] = online.iter_rows(view.shard)
    facts = [len(read_page(page, view.tiles).facts) for page in split_row(row)]
    assert sum(facts) == 4
    assert len(facts) > 1


def test_a_key_with_much_appended_is_grown_and_no_other_is() -> None:
    view, online = windowed(), SqliteOnline(None)
    busy = [landing(minute, id=f"{minute}") for minute in range(60)]
    log = log_of([*busy, landing(5, id="quiet", city="LGA")], batches=6)
    materialize_view(view, log=log, online=online, now=0, limits=RunLimits(key_bytes=1_500))
    levels = {
        key: int(read_page(split_row(row)[0], view.tiles).header[LEVEL])
        for key, row in online.iter_rows(view.shard)
        if len(key) < 8
    }
    assert sorted(levels.values()) == [HEAD_LEVEL, RUN_LEVEL]


@pytest.mark.parametrize(("fold_records", "is_left"), [(60, False), (61, True)])
def test_a_fold_of_much_leaves_no_more_than_a_shard_may_have(
    fold_records: int, is_left: bool
) -> None:
    view, online = windowed(), SqliteOnline(None)
    log = log_of([landing(n, id=f"{n}", city=f"C{n}") for n in range(60)], batches=2)
    limits = RunLimits(shard_bytes=1_000, keys_at_once=7, fold_records=fold_records)
    position = materialize_view(view, log=log, online=online, now=0, limits=limits)
    assert position.offset(TOPIC) == log.head(TOPIC)
    left = sum(online.appended(view.shard).values())
    assert (left > limits.shard_bytes) == is_left


def test_a_fact_that_is_taken_back_finds_what_was_appended() -> None:
    view, online = windowed(), SqliteOnline(None)
    materialize_view(
        view, log=log_of([landing(5, until=8), landing(6)]), online=online, now=0, limits=APPEND_ALL
    )
    minutes = [7, 9]
    assert read_online(
        [view], online, {"city": ["JFK"] * 2}, at=[each * 60_000_000 for each in minutes]
    ).columns == {"city__n__10m": [2, 1]}


def test_a_shard_with_much_appended_is_taken_in_some_keys_with_each_commit() -> None:
    runs = ShardRuns({}, RunLimits(key_bytes=100, shard_bytes=30, keys_at_once=2))
    names = [bytes([number]) for number in range(5)]
    runs.note([], dict.fromkeys(names, b"x" * 8))
    assert runs.take_due() == set(names[:2])
    runs.note(names[:2], {})
    assert runs.take_due() == set(names[2:4])
    runs.note(names[2:4], {})
    assert [runs.take_due(), runs.take_due()] == [{names[4]}, set()]


def test_state_of_another_layout_is_folded_anew() -> None:
    view, log = windowed(), log_of([landing(5)])
    online = SqliteOnline(None)
    materialize_view(view, log=log, online=online, now=0)
    position, _ = online.read(view.shard, [])
    assert position is not None
    rows = {key: b"as it was once" for key, _ in online.iter_rows(view.shard)}
    online.commit(
        view.shard, rows, expected=position, position=replace(position, layout=position.layout - 1)
    )
    materialize_view(view, log=log, online=online, now=0)
    assert online.read(view.shard, [])[0] == position
    assert position.offset(TOPIC) == len(records_of([landing(5)]))
    merge_runs(view, online=online, now=0)
    assert read_online([view], online, {"city": ["JFK"]}, at=[360_000_000]).columns == {
        "city__n__10m": [1]
    }
