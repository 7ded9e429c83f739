"""Declarations as bytes."""

import copy
import json
import math
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from operator import getitem

import pytest

from mainspring.datasets.definition import (
    TrainingSetDefinition,
    compile_training_set_definition,
    parse_training_set_definition,
    render_training_set_definition,
)
from mainspring.datasets.errors import DefinitionBroken
from mainspring.datasets.spec import Label, TrainingSet, split_by_time
from mainspring.elements.declaration import stated_fields
from mainspring.elements.errors import MainspringError
from mainspring.elements.expression import col, count, hours, when
from mainspring.elements.schema import DType, Field, Schema
from mainspring.features.spec import Entity, FeatureView, OnDemandFeatureView, latest
from mainspring.sources.spec import Contract, Float64, Source, String, assumed_delay

SCHEMA = Schema.of(id=DType.STRING, at=DType.TIMESTAMP, city=DType.STRING, delay=DType.FLOAT64)


def definition(bound=2000.0):
    contract = Contract(delay=Float64(between=(-120, bound)), city=String(one_of=("JFK", "LGA")))
    source = Source(
        "landings",
        "data/landings.parquet",
        id=["id", "city"],
        event_time="at",
        known_at=assumed_delay("1h"),
        contract=contract,
        lateness="2d",
    )
    views = [
        FeatureView(
            "delays",
            source=source,
            entities=[Entity("city"), Entity("all", join_keys=[])],
            windows=["1h"],
            features={"n": count()},
        ),
        FeatureView(
            "newest", source=source, entities=[Entity("city")], ttl="3h", features=latest("delay")
        ),
        FeatureView(
            "both",
            source=[source, Source("starts", id="id", event_time="at")],
            entities=[
                Entity(
                    "city",
                    through=FeatureView(
                        "cities", source=source, entities=[Entity("id")], features=latest("city")
                    ),
                )
            ],
            windows=["unbounded"],
            closed="both",
            hop="5m",
            features={"share": col("delay").var(where=col("delay") > 1.5)},
        ),
        OnDemandFeatureView(
            "form",
            features={
                "x": when(col("delay").is_null()).then(0.0).otherwise(col("delay")),
                "c": col("city").is_in(["JFK"]),
            },
        ),
    ]
    label = Label(source, col("delay") > 15, join_on=["id", "city"])
    split = split_by_time(train_from="2013-01-08", test_from="2013-10-01", test_until="2014-01-01")
    rows = TrainingSet(
        "rows",
        spine=source,
        prediction_time=col("at") - hours(1),
        request=["city", "delay"],
        label=label,
        features=views,
        split=split,
    )
    shards = {"delays": "shard-1", "newest": "shard-2", "both": "shard-3", "cities": "shard-4"}
    return TrainingSetDefinition(
        rows, (("landings", SCHEMA), ("starts", SCHEMA)), tuple(shards.items())
    )


def test_parsing_is_the_inverse_of_rendering():
    assert (
        parse_training_set_definition(render_training_set_definition(definition())) == definition()
    )


def test_equal_declarations_at_other_lines_give_equal_bytes():
    first = render_training_set_definition(definition())
    assert render_training_set_definition(definition()) == first
    assert b"declared_at" not in first


def test_what_a_contract_gained_is_written_where_it_is_used_and_else_read_as_unused():
    assert b"spelling" not in render_training_set_definition(definition())
    spelled = Float64(decimal=",", nulls=("N/A",))
    schema = Schema((Field("delay", DType.FLOAT64, spelling=spelled.spelling),))
    more = replace(definition(), schemas=(("landings", schema), ("starts", SCHEMA)))
    payload = render_training_set_definition(more)
    assert b'"thousands"' in payload
    assert parse_training_set_definition(payload) == more


@pytest.mark.parametrize("bound", [math.inf, -0.0, 5e-324])
def test_numbers_that_json_does_not_have_survive(bound):
    read = parse_training_set_definition(render_training_set_definition(definition(bound=bound)))
    [promised] = [
        column for name, column in read.training_set.spine.contract.columns if name == "delay"
    ]
    assert repr(promised.between[1]) == repr(bound)


def test_a_definition_compiles_with_the_shards_that_it_names():
    compiled = compile_training_set_definition(
        parse_training_set_definition(render_training_set_definition(definition()))
    )
    assert [view.shard for view in compiled.views] == ["shard-1", "shard-2", "shard-3"]
    assert [lookup.shard for lookup in compiled.views[2].lookups] == ["shard-4"]
    assert [feature.name for feature in compiled.features] == [
        "city__n__1h",
        "all__n__1h",
        "city__delay",
        "city__share__unbounded",
        "x",
        "c",
    ]


def test_a_definition_of_format_1_keeps_the_order_of_ids_that_it_was_built_under():
    now = definition()
    stored = json.loads(render_training_set_definition(now))
    listed = json.dumps([stored["declared"], stored["schemas"], stored["shards"]]).encode()
    before = parse_training_set_definition(listed)
    assert (before.semantics, before.training_set) == (2, now.training_set)
    for read, types in ((now, (DType.STRING, DType.STRING)), (before, ())):
        views = compile_training_set_definition(read).views
        assert [view.id_types["landings"] for view in views] == [types] * 3
        assert views[2].lookups[0].id_types == {"landings": types}


def places(data, way=()):
    """The way to each value of a tree of JSON."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (*way, key)
        if isinstance(value, dict | list):
            yield from places(value, (*way, key))


def test_only_records_of_the_closed_list_are_made():
    with pytest.raises(DefinitionBroken, match="there is no record 'Path'"):
        parse_training_set_definition(b'[{"$":"Path","value":"/"},[],[]]')


PLACES = [*places(json.loads(render_training_set_definition(definition())))]


@pytest.mark.parametrize("value", [None, True, 3, -0.5, "x", [], ["x"], {"$": "Column"}, {}])
def test_a_value_that_somebody_changed_is_refused_or_is_of_its_type(value):
    untouched = json.loads(render_training_set_definition(definition()))
    for place in PLACES:
        changed = copy.deepcopy(untouched)
        *way, last = place
        reduce(getitem, way, changed)[last] = value
        with suppress(MainspringError):
            read = parse_training_set_definition(json.dumps(changed).encode())
            compile_training_set_definition(read)


def test_what_is_no_part_of_a_definition_is_refused():
    with pytest.raises(TypeError, match="complex is not part of a definition"):
        render_training_set_definition(TrainingSetDefinition(1j, (), ()))  # type: ignore[arg-type]


def test_a_label_without_a_horizon_is_stored_as_before_there_was_one():
    source = Source("truth", id="id", event_time="at")
    plain = Label(source, col("late"), join_on="id")
    absent = Label(source, col("late"), join_on="id", missing="negative", horizon="30d")
    assert [field.name for field in stated_fields(plain)][-1] == "missing"
    assert [field.name for field in stated_fields(absent)][-1] == "horizon"
