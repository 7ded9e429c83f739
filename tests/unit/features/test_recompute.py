"""A read recomputed at its (L, q), from state in one part and in many that are unlike far."""

from dataclasses import replace

import polars as pl
import pytest

from mainspring.elements.expression import col, count
from mainspring.elements.time import MINUTE
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.online.parity import check_reads, sample_keys
from mainspring.features.online.read import read_online
from mainspring.features.online.recompute import backfill_as_read, offsets_read
from mainspring.features.spec import Entity
from mainspring.features.state.stream import materialize_view
from mainspring.sources.facts import read_source_rows
from tests.unit.features import harbour
from tests.unit.features.harbour import ARRIVALS, DEPARTURES, call, compiled
from tests.unit.features.history import SOURCE, TOPIC, landing, log_of, records_of, windowed
from tests.unit.features.test_entities import BY_MODEL, KNOWN, MODELS

CITIES = ("JFK", "LGA", "EWR", "BOS", "ORD")
GATE = Entity("gate")
VIEW = windowed(
    entities=(Entity("all", join_keys=[]), Entity("city"), GATE),
    n=count(),
    total=col("delay").sum(),
)
FIRST = [
    landing(
        minute,
        id=f"first {minute}",
        city=CITIES[minute % 5],
        gate="AB"[minute % 2],
        delay=0.1 * minute,
    )
    for minute in range(20)
]
CLAIMED = [
    landing(
        minute, id=f"claimed {minute}", city=CITIES[minute % 5], gate="AB"[minute % 2], delay=7.0
    )
    for minute in range(20)
]
SPINE = pl.DataFrame(
    {"city": CITIES, "gate": ["A", "B", "A", "B", None], "_prediction_time": [20 * MINUTE] * 5}
)


def unlike_far(partitions: int):
    """State of which every other partition had not seen the facts that claim to have been known all
    the time; and the log as it is later.
    """
    view, log, online = replace(VIEW, partitions=partitions), log_of(FIRST), SqliteOnline(None)
    materialize_view(view, log=log, online=online, now=0)
    log.append({TOPIC: records_of(CLAIMED[:10])}, expected={})
    materialize_view(view, log=log, online=online, now=0, only=range(0, partitions, 2))
    log.append({TOPIC: records_of(CLAIMED[10:])}, expected={})
    return view, log, online


def asked(view, online):
    keys = SPINE.select("city", "gate").to_dict(as_series=False)
    return read_online([view], online, keys, at=SPINE["_prediction_time"].to_list())


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_a_read_is_recomputed_at_the_position_of_each_partition(partitions):
    view, log, online = unlike_far(partitions)
    told = asked(view, online)
    read_at = offsets_read([view], told, rows=SPINE.height)
    again = backfill_as_read(VIEW, SPINE, read_at, lambda source: read_source_rows(source, log=log))
    assert {name: again[name].to_list() for name in told.columns} == told.columns


def test_a_position_is_kept_once_unless_partitions_were_unlike_far():
    view, _, online = unlike_far(7)
    read_at = offsets_read([view], asked(view, online), rows=SPINE.height)
    assert read_at[0] == {"delays": 20, "delays@all": 30, "delays@city": 30}
    assert read_at[4] == {"delays": 30}
    view, _, online = unlike_far(1)
    assert offsets_read([view], asked(view, online), rows=2) == [{"delays": 30}] * 2


def test_the_facts_of_every_source_and_of_looked_up_keys_are_those_that_had_been_read():
    union = compiled(
        "calls",
        source=[ARRIVALS, DEPARTURES],
        entities=[Entity("ship")],
        windows=["1h"],
        features={"n": count()},
    )
    log, online = harbour.log_of({**KNOWN, "departures": KNOWN["arrivals"]}), SqliteOnline(None)
    for view in (MODELS, BY_MODEL, union):
        materialize_view(view, log=log, online=online, now=0)
    for source in ("register", "arrivals", "departures"):
        harbour.append(log, source, call(3, id="claimed", ship="Ada", model="barge", cargo=100))
    spine = pl.DataFrame({"ship": ["Ada", "Bea", "Eve"], "_prediction_time": [5 * MINUTE] * 3})
    for view in (BY_MODEL, union):
        told = read_online([view], online, {"ship": ["Ada", "Bea", "Eve"]}, at=[5 * MINUTE] * 3)
        read_at = offsets_read([view], told, rows=3)
        again = backfill_as_read(
            view, spine, read_at, lambda source: read_source_rows(source, log=log)
        )
        assert {name: again[name].to_list() for name in told.columns} == told.columns


def test_a_check_of_reads_names_the_key_and_both_values():
    view, log, online = unlike_far(1)
    wrong = read_source_rows(SOURCE, log=log).with_columns(
        pl.when(pl.col("city") == "LGA").then(pl.col("delay") + 1).otherwise("delay").alias("delay")
    )
    report = check_reads(view, SPINE, online=online, facts_of=lambda source: wrong)
    right = check_reads(
        view, SPINE, online=online, facts_of=lambda source: read_source_rows(source, log=log)
    )
    assert (right.rows, right.values, right.differing, right.rows_differing) == (5, 30, 0, 0)
    assert report.rows_differing == 5
    assert "of city=JFK, gate=A at 1970-01-01T00:20:00Z: backfilled " in report.example


def test_keys_are_sampled_from_facts_and_from_the_view_that_knows_them():
    log = harbour.log_of(KNOWN)
    keys = sample_keys(BY_MODEL, lambda source: read_source_rows(source, log=log), rows=50, seed=1)
    assert set(keys["ship"]) == {"Ada", "Bea"}
    assert keys.equals(
        sample_keys(BY_MODEL, lambda source: read_source_rows(source, log=log), rows=50, seed=1)
    )
    assert (
        sample_keys(
            VIEW, lambda source: read_source_rows(source, log=SqliteLog(None)), rows=5, seed=1
        ).height
        == 0
    )
    assert (
        sample_keys(
            windowed(entities=[Entity("all", join_keys=[])]),
            lambda source: read_source_rows(source, log=log_of(FIRST)),
            rows=5,
            seed=1,
        ).height
        == 5
    )
