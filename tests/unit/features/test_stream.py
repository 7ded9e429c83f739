"""Folding the log into online state, and reading from it."""

from dataclasses import replace

import pytest

from mainspring.elements.expression import col, count
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import DAY, HOUR, MINUTE
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.errors import FeatureOverflow, HorizonPassed, MissingRequestField
from mainspring.features.online.read import read_online
from mainspring.features.spec import Entity, FeatureView
from mainspring.features.state.names import encode_key
from mainspring.features.state.pages import read_page
from mainspring.features.state.stream import (
    materialize_view,
    merge_runs,
    rematerialize_view,
    shards_of,
)
from mainspring.features.view import compile_view
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.spec import Source, assumed_delay
from tests.unit.features.history import TOPIC, folded, landing, log_of, newest, records_of, windowed

HISTORY = [
    landing(minute, delay=float(minute), gate="AB"[minute % 2], until=60 if minute == 9 else None)
    for minute in range(0, 40, 3)
] + [landing(7, id="late", seen=35, delay=-1.0)]
LATER = 2**60
VIEW = windowed(windows=("10m", "1h"), total=col("delay").sum(), gate=col("gate").last())


def stored_rows(online, view=VIEW):
    merge_runs(view, online=online, now=LATER)
    return list(online.iter_rows(view.shard))


def count_at(online, view, minute, city="JFK"):
    return read_online([view], online, {"city": [city]}, at=[minute * MINUTE]).columns[
        "city__n__10m"
    ]


def test_batches_leave_no_trace_in_the_stored_bytes():
    stores = [folded(VIEW, log_of(HISTORY, batches=batches)) for batches in (1, 4, 15)]
    assert stored_rows(stores[0]) == stored_rows(stores[1]) == stored_rows(stores[2])


def test_folding_again_changes_nothing():
    log = log_of(HISTORY)
    online = folded(VIEW, log)
    before = stored_rows(online)
    materialize_view(VIEW, log=log, online=online, now=0)
    assert stored_rows(online) == before


def test_a_fold_goes_on_where_the_last_one_stopped():
    log, online = log_of(HISTORY[:3]), SqliteOnline(None)
    materialize_view(VIEW, log=log, online=online, now=0)
    log.append({TOPIC: records_of([landing(50)])}, expected={})
    assert materialize_view(VIEW, log=log, online=online, now=0).offset(TOPIC) == 4


def test_a_shard_records_the_largest_visible_time_that_it_folded():
    online = folded(VIEW, log_of(HISTORY))
    assert online.shards()[VIEW.shard].visible_until == 60 * MINUTE


def test_a_fact_that_becomes_visible_later_needs_no_timer():
    view = windowed()
    online = folded(view, log_of([landing(5, seen=8)]))
    assert [count_at(online, view, minute) for minute in (7, 8)] == [[0], [1]]


def test_a_new_shard_leaves_out_what_no_read_can_need():
    online = folded(VIEW, log_of(HISTORY), now=90)
    merge_runs(VIEW, online=online, now=90 * MINUTE)
    position, [head] = online.read(VIEW.shard, [encode_key(0, ("JFK",))])
    assert position.offset(TOPIC) == len(records_of(HISTORY))
    assert position.kept_from == 30 * MINUTE
    assert [fact[0] // MINUTE for fact in read_page(head, VIEW.tiles).facts] == [30, 33, 36, 39]


def test_a_read_before_the_horizon_says_so_rather_than_answer():
    online = folded(VIEW, log_of(HISTORY), now=90)
    with pytest.raises(HorizonPassed) as caught:
        read_online([VIEW], online, {"city": ["JFK"]}, at=[80 * MINUTE])
    assert "1970-01-01T00:30:00Z" in caught.value.message


def test_a_read_of_a_shard_that_does_not_exist_says_so():
    with pytest.raises(HorizonPassed, match="no state yet"):
        read_online([VIEW], SqliteOnline(None), {"city": ["JFK"]}, at=[0])


def test_refolding_reaches_back_when_the_clock_does():
    log = log_of([landing(5), landing(100)])
    view = windowed()
    online = folded(view, log, now=105)
    rematerialize_view(view, log=log, online=online, now=6 * MINUTE)
    assert count_at(online, view, 6) == [1]


def test_refolding_keeps_a_shard_that_reaches_back_far_enough():
    log, view = log_of([landing(5)]), windowed()
    online = folded(view, log, now=6)
    rematerialize_view(view, log=SqliteLog(None), online=online, now=7 * MINUTE)
    assert count_at(online, view, 7) == [1]


def test_a_fact_with_a_null_in_its_key_belongs_to_no_entity_but_to_everything():
    everything = Entity("network", join_keys=[])
    view = windowed(entities=[Entity("city"), everything])
    answer = read_online(
        [view], folded(view, log_of([landing(5, city=None)])), {"city": [None]}, at=[6 * MINUTE]
    )
    assert answer.columns == {"city__n__10m": [0], "network__n__10m": [1]}


def test_an_instant_is_a_key_online_as_it_is_in_a_backfill():
    view = windowed(entities=[Entity("opened")])
    online = folded(view, log_of([landing(5, opened=77)]))
    assert read_online([view], online, {"opened": [77]}, at=[6 * MINUTE]).columns == {
        "opened__n__10m": [1]
    }


def test_every_row_is_answered_at_its_own_time():
    view = windowed()
    online = folded(view, log_of([landing(5)]))
    keys = {"city": ["JFK", "JFK", "LGA"]}
    assert read_online([view], online, keys, at=[6 * MINUTE, 60 * MINUTE, 6 * MINUTE]).columns[
        "city__n__10m"
    ] == [1, 0, 0]


@pytest.mark.parametrize("partitions", [1, 3])
def test_rows_that_share_their_keys_are_answered_as_each_alone(partitions):
    view = replace(VIEW, partitions=partitions)
    online = folded(view, log_of(HISTORY))
    keys = {"city": ["JFK", None, "LGA", "nowhere"] * 5, "gate": ["A", None] * 10}
    together = read_online([view], online, keys, at=[90 * MINUTE] * 20).columns
    alone = [
        read_online(
            [view], online, {name: [key[row]] for name, key in keys.items()}, at=[90 * MINUTE]
        ).columns
        for row in range(20)
    ]
    assert together == {name: [each[name][0] for each in alone] for name in view.column_names}


@pytest.mark.parametrize("partitions", [1, 3])
def test_an_overflow_is_told_of_the_first_row_that_has_it(partitions):
    view = replace(
        windowed(entities=[Entity("city"), Entity("gate")], total=col("bags").sum()),
        partitions=partitions,
    )
    online = folded(view, log_of([landing(minute, gate="A", bags=2**62) for minute in (5, 6)]))
    keys = {"city": ["LGA"] * 3 + ["JFK"] * 10, "gate": ["B"] * 13}
    with pytest.raises(FeatureOverflow) as caught:
        read_online([view], online, keys, at=[8 * MINUTE] * 13)
    assert (caught.value.feature, caught.value.row) == ("city__total__10m", 3)


def test_keys_that_python_calls_equal_are_told_apart():
    view = windowed(entities=[Entity("delay")])
    online = folded(view, log_of([landing(5, delay=0.0), landing(6, delay=0.0)]))
    answer = read_online([view], online, {"delay": [0.0, -0.0] * 10}, at=[8 * MINUTE] * 20)
    assert answer.columns == {"delay__n__10m": [2, 0] * 10}


def test_no_rows_get_columns_without_answers():
    assert read_online([VIEW], SqliteOnline(None), {"city": []}, at=[]).columns == {
        name: [] for name in VIEW.column_names
    }


def test_a_missing_join_key_is_named():
    online = folded(VIEW, log_of(HISTORY))
    with pytest.raises(MissingRequestField) as caught:
        read_online([VIEW], online, {"town": ["JFK", "JFK"]}, at=[0, 0])
    assert (caught.value.row, caught.value.field) == (0, "city")


def test_the_position_that_was_read_is_part_of_the_answer():
    view = newest("delay")
    answer = read_online([view], folded(view, log_of(HISTORY)), {"city": ["JFK"]}, at=[90 * MINUTE])
    assert answer.positions["newest"].offset(TOPIC) == len(records_of(HISTORY))


def test_facts_known_long_after_they_happened_evict_as_if_they_were_not():
    source, schema = (
        Source("s", id="n", event_time="at", known_at=assumed_delay("1d")),
        Schema.of(n=DType.INT64, at=DType.TIMESTAMP),
    )
    view = FeatureView(
        "slow",
        source=source,
        entities=[Entity("all", join_keys=[])],
        windows=["2d"],
        features={"n": count()},
    )
    compiled, source = compile_view(view, schema, shard="slow"), CompiledSource(source, schema)
    log, online, clock = SqliteLog(None), SqliteOnline(None), FrozenClock(9 * DAY)
    for n in range(130):
        clock.advance(HOUR)
        SourceWriter(source, log=log, clock=clock, objects=MemoryObjects()).write_rows(
            [{"n": n, "at": clock.now()}]
        )
        materialize_view(compiled, log=log, online=online, now=clock.now())
    assert read_online([compiled], online, {}, at=[clock.now()]).columns == {"all__n__2d": [25]}
    at_once = SqliteOnline(None)
    materialize_view(compiled, log=SqliteLog(None), online=at_once, now=9 * DAY + HOUR)
    materialize_view(compiled, log=log, online=at_once, now=clock.now())
    assert stored_rows(at_once, compiled) == stored_rows(online, compiled)


def test_a_consumer_folds_its_own_partitions_and_another_the_rest():
    view, log, online = replace(VIEW, partitions=7), log_of(HISTORY), SqliteOnline(None)
    for mine in ([0, 3, 6], [1, 2, 4, 5]):
        materialize_view(view, log=log, online=online, now=0, only=mine)
    whole = folded(view, log)
    assert [list(online.iter_rows(shard)) for shard in shards_of(view)] == [
        list(whole.iter_rows(shard)) for shard in shards_of(view)
    ]
