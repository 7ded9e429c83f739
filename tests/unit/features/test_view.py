"""What a feature view compiles to."""

import pytest

from mainspring.elements.errors import UnreadableDuration
from mainspring.elements.expression import col, count
from mainspring.elements.expression.errors import FaultyExpression
from mainspring.elements.time import HOUR
from mainspring.features.cast import RequestColumns
from mainspring.features.kernel.program import UNBOUNDED_SPAN
from mainspring.features.on_demand import compile_on_demand, compute_on_demand, on_demand_fields
from mainspring.features.spec import Entity, FeatureView, OnDemandFeatureView, latest
from mainspring.features.view import compile_view, feature_fields
from tests.unit.features.history import SCHEMA, SOURCE, facts_of, landing, newest, windowed


def test_columns_are_named_by_entity_feature_and_window():
    view = windowed(windows=("3h", "1d"), delay_mean=col("delay").mean())
    assert [field.name for field in view.fields] == [
        "city__delay_mean__3h",
        "city__delay_mean__24h",
    ]


def test_the_columns_of_a_declaration_are_those_of_the_compiled_view():
    view = windowed(
        entities=[Entity("city"), Entity("gate")],
        late=(col("delay") > 15).sum(),
        most=col("bags").max(),
    )
    assert feature_fields(view.view, SCHEMA) == view.fields


def test_an_expression_that_several_features_read_is_carried_once():
    delay = col("delay").clip(0, 60)
    assert (
        len(windowed(mean=delay.mean(), total=delay.sum(), late=(col("delay") > 15).mean()).values)
        == 2
    )


def test_a_view_reaches_as_far_back_as_its_longest_window():
    assert windowed(windows=("10m", "1h")).reach == HOUR


def test_a_lookup_reaches_back_over_its_ttl_and_without_one_for_ever():
    assert newest("delay", ttl="1h").reach == HOUR - 1
    assert newest("delay").reach == UNBOUNDED_SPAN


def test_a_view_is_answered_from_tiles_only_if_all_its_outputs_are():
    total, spread = col("delay").sum(), col("delay").std()
    assert [
        windowed(total=total).tiles.kind,
        windowed(total=total, spread=spread).tiles.kind,
        newest("delay").tiles.kind,
    ] == ["sums", "facts", "newest"]


def test_an_expression_over_an_unknown_column_does_not_compile():
    view = FeatureView("odd", source=SOURCE, entities=[Entity("city")], features=latest("dealy"))
    with pytest.raises(FaultyExpression, match="did you mean 'delay'"):
        compile_view(view, SCHEMA, shard="odd")


def test_on_demand_features_are_the_same_by_row_and_by_column():
    view = OnDemandFeatureView(
        "form",
        features={"is_late": col("delay") > 15, "twice": col("bags") * 2, "city": col("city")},
    )
    requests = facts_of([landing(1, delay=20.0, bags=3), landing(2, delay=None, bags=None)])
    columns = {"delay": [20.0, None], "bags": [3, None], "city": ["JFK", "JFK"]}
    computed = compute_on_demand([view], requests, SCHEMA).to_dict(as_series=False)
    evaluated = compile_on_demand([view], SCHEMA).evaluate(RequestColumns(columns, 2))
    assert (
        computed == evaluated == {"is_late": [True, None], "twice": [6, None], "city": ["JFK"] * 2}
    )
    assert [field.name for field in on_demand_fields(view, SCHEMA)] == ["is_late", "twice", "city"]


def test_on_demand_features_of_many_rows_are_those_of_each():
    view = OnDemandFeatureView("form", features={"self": col("bags") / 3, "seen": col("at")})
    columns = {"bags": [None, *range(5_000)], "at": [*range(5_000), None]}
    evaluate = compile_on_demand([view], SCHEMA).evaluate
    many = evaluate(RequestColumns(columns, 5_001))
    few = [
        evaluate(RequestColumns({name: [values[row]] for name, values in columns.items()}, 1))
        for row in range(5_001)
    ]
    assert many == {name: [each[name][0] for each in few] for name in ("self", "seen")}


@pytest.mark.parametrize("where", ["delay > 15", True, lambda row: True])
def test_a_condition_has_to_be_an_expression(where: object):
    for aggregate in (col("delay").mean, count):
        with pytest.raises(TypeError, match="is no expression; write a condition on columns"):
            aggregate(where=where)


@pytest.mark.parametrize("features", [["delay"], "delay", col("delay").mean()])
def test_features_have_to_be_named(features: object):
    with pytest.raises(TypeError, match="names nothing"):
        FeatureView(
            "odd", source=SOURCE, entities=[Entity("city")], windows=["1h"], features=features
        )


def test_an_entity_is_reached_through_a_view():
    with pytest.raises(TypeError, match="through: 'planes' is no FeatureView"):
        Entity("model", through="planes")


@pytest.mark.parametrize("wrong", [{"windows": ["\uff11h"]}, {"hop": ""}, {"ttl": ""}])
def test_what_is_no_length_of_time_is_refused(wrong: dict[str, object]):
    with pytest.raises(UnreadableDuration):
        FeatureView(
            "odd", source=SOURCE, entities=Entity("city"), features=latest("delay"), **wrong
        )


def test_one_entity_needs_no_list():
    one, listed = (
        FeatureView("odd", source=SOURCE, entities=city, features=latest("delay"))
        for city in (Entity("city"), [Entity("city")])
    )
    assert one == listed


def test_a_function_cannot_be_a_feature():
    with pytest.raises(TypeError, match="features travel with a model as data"):
        OnDemandFeatureView("form", features={"is_late": lambda row: row["delay"] > 15})
