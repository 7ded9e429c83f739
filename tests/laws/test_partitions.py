"""Into how many partitions state is divided, and by how many processes they are folded, shows in no
answer and in no row.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.expression import col, count
from mainspring.elements.time import MINUTE
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.online.read import read_online
from mainspring.features.spec import FeatureView
from mainspring.features.state.stream import (
    ViewMaterialization,
    materialize_view,
    merge_runs,
    shards_of,
)
from mainspring.features.view import CompiledView, compile_view
from tests.unit.features.history import CITY, SCHEMA, SOURCE, TOPIC, landing, log_of

PARTITIONS = (1, 2, 7, 64)
CITIES = [f"city {number}" for number in range(40)]
FEATURES = {
    "n": count(),
    "total": col("delay").sum(),
    "last": col("gate").last(),
    "bags": col("bags").max(),
}


def view(partitions: int) -> CompiledView:
    declared = FeatureView(
        "delays", source=SOURCE, entities=[CITY], windows=["10m", "3h"], features=FEATURES
    )
    return compile_view(declared, SCHEMA, shard="delays", partitions=partitions)


@st.composite
def histories(draw: st.DrawFn) -> list[dict]:
    """Landings in some cities, some of them twice at one moment, late, or taken back."""
    seed, size = draw(st.integers(0, 2**32)), draw(st.integers(1, 300))
    chance = random.Random(seed)
    landings = []
    for number in range(size):
        at = chance.randrange(240)
        seen = at + chance.choice((0, 0, 0, 5, 60))
        until = seen + 1 + chance.randrange(50) if chance.random() < 0.1 else None
        values = {
            "delay": chance.choice((None, 0.1, 1e16, -1e16, 1.0)),
            "gate": chance.choice((None, "A", "Ä1")),
            "bags": number,
        }
        landings.append(
            landing(
                at, id=f"{number}", seen=seen, until=until, city=chance.choice(CITIES), **values
            )
        )
    return landings


def rows_of(each: CompiledView, online: SqliteOnline) -> dict[bytes, bytes]:
    merge_runs(each, online=online, now=0)
    return {key: row for shard in shards_of(each) for key, row in online.iter_rows(shard)}


@given(histories(), st.integers(1, 8))
@settings(max_examples=40)
def test_any_number_of_partitions_has_the_same_rows_and_the_same_answers(
    landings: list[dict], batches: int
) -> None:
    log, keys = log_of(landings, batches=batches), {"city": [*CITIES, None]}
    rows, answers = [], []
    for partitions in PARTITIONS:
        each, online = view(partitions), SqliteOnline(None)
        materialize_view(each, log=log, online=online, now=0)
        rows.append(rows_of(each, online))
        answers.append(
            [
                read_online([each], online, keys, at=[minute * MINUTE] * len(keys["city"])).columns
                for minute in (60, 241, 300)
            ]
        )
    assert all(found == rows[0] for found in rows)
    assert all(repr(found) == repr(answers[0]) for found in answers)


@given(histories(), st.integers(0, 2**32))
@settings(max_examples=40)
def test_partitions_that_are_folded_by_several_hands_in_any_order_have_the_same_rows(
    landings: list[dict], seed: int
) -> None:
    chance, log, each = random.Random(seed), log_of(landings, batches=9), view(7)
    online, alone = SqliteOnline(None), SqliteOnline(None)
    hands = [[], [], []]
    for partition in range(7):
        chance.choice(hands).append(partition)
    for head in sorted(chance.choices(range(log.head(TOPIC)), k=6)):
        fold = ViewMaterialization(each, chance.choice(hands), log=log, online=online, now=0)
        for part in fold.split():
            list(part.iter_steps({TOPIC: head}, now=0))
    materialize_view(each, log=log, online=online, now=0)
    materialize_view(each, log=log, online=alone, now=0)
    assert rows_of(each, online) == rows_of(each, alone)
    assert online.shards() == alone.shards()


@pytest.mark.parametrize("partitions", PARTITIONS)
def test_every_key_lies_in_one_partition(partitions: int) -> None:
    each, online = view(partitions), SqliteOnline(None)
    materialize_view(
        each, log=log_of([landing(0, city=city) for city in CITIES]), online=online, now=0
    )
    counts = [sum(1 for _ in online.iter_rows(shard)) for shard in shards_of(each)]
    assert sum(counts) == len(CITIES)
    assert partitions > 7 or all(counts)
