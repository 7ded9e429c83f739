"""What is prepared answers as what is not: the same values, whatever was read before with the same
buffers, by the short way and by the long one, by rows, columns and arrays.
"""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.expression import col, count
from mainspring.elements.time import MINUTE
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.online.prepared import PreparedRead
from mainspring.features.online.read import read_online
from mainspring.features.requested import RequestedView
from mainspring.features.spec import Entity, FeatureView
from mainspring.features.state.stream import materialize_view
from mainspring.features.view import CompiledView, compile_view
from tests.unit.features.history import CITY, SCHEMA, SOURCE, landing, log_of

CITIES = [*(f"city {number}" for number in range(6)), "Malmö", "unknown", None]
ALL, PAIR = Entity("all", join_keys=[]), Entity("pair", join_keys=["city", "bags"])
DELAY = col("delay")
WORDS = {
    "n": count(),
    "total": DELAY.sum(),
    "mean": DELAY.mean(),
    "least": col("bags").min(),
    "late": (DELAY > 0).any(),
    "since": DELAY.time_since_last(),
}


def view(name: str, partitions: int = 1, **declared: object) -> CompiledView:
    given = {"entities": [CITY], "windows": ["10m", "3h"], "features": WORDS, **declared}
    declared_view = FeatureView(name, source=SOURCE, **given)
    return compile_view(declared_view, SCHEMA, shard=name, partitions=partitions)


VIEWS = [
    view("plain"),
    view("entities", entities=[CITY, ALL, PAIR]),
    view("for_ever", windows=["unbounded"]),
    view("hopped", hop="7m"),
    view("closed", closed="both"),
    view("parts", 3),
    view("texts", features={"last": col("gate").last(), "some": col("bags").last_k(3)}),
]


@st.composite
def histories(draw: st.DrawFn) -> list[dict]:
    """Landings in few cities, enough of them for sealed pages; some at one moment or late."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    size = draw(st.sampled_from((1, 20, 120, 400)))
    return [
        landing(
            at := chance.randrange(240),
            id=f"{number}",
            seen=at + chance.choice((0, 0, 5, 60)),
            city=chance.choice(CITIES[:7]),
            delay=chance.choice((None, 0.1, 1e16, -1e16, 1.0)),
            gate=chance.choice((None, "A", "Ä1")),
            bags=chance.randrange(3),
        )
        for number in range(size)
    ]


@given(histories(), st.integers(0, 2**32))
@settings(max_examples=25)
def test_a_prepared_read_answers_as_any_other(landings: list[dict], seed: int) -> None:
    chance, log, online = random.Random(seed), log_of(landings, batches=3), SqliteOnline(None)
    for each in VIEWS:
        materialize_view(each, log=log, online=online, now=0)
        some = tuple(chance.sample(each.column_names, k=min(3, len(each.column_names))))
        for columns in (each.column_names, some):
            prepared = PreparedRead([RequestedView(each, columns)], online)
            for minute in chance.choices(range(200, 320), k=4):
                # Of cities alone that facts have as they are, several are answered at once.
                cities = chance.choice((CITIES, CITIES[:6], CITIES[:1] * 3))
                rows = [{"city": city, "bags": chance.randrange(3)} for city in cities]
                chance.shuffle(rows)
                keys = {name: [row[name] for row in rows] for name in ("city", "bags")}
                found = read_online([each], online, keys, at=[minute * MINUTE] * len(rows))
                wanted = {name: found.columns[name] for name in columns}
                at = minute * MINUTE
                assert repr(prepared.read(rows, at=at).columns) == repr(wanted)
                one_by_one = [prepared.read_one(row, at=at) for row in rows]
                assert repr(one_by_one) == repr(
                    [
                        dict(zip(wanted, values, strict=True))
                        for values in zip(*wanted.values(), strict=True)
                    ]
                )
                alone = prepared.read(rows[:1], at=at)
                assert repr(alone.columns) == repr(
                    {name: values[:1] for name, values in wanted.items()}
                )
                arrays = prepared.read_arrays(rows, at=at)
                assert list(arrays) == list(columns)
                for name, (values, present) in arrays.items():
                    plain = [
                        value if is_there else None
                        for value, is_there in zip(values.tolist(), present.tolist(), strict=True)
                    ]
                    assert repr(plain) == repr(wanted[name]), name
