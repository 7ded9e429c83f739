"""Declarations in the notation that users write."""

import json

import pytest

from mainspring.elements.expression import col, count
from mainspring.features.spec import Entity, FeatureView, latest
from mainspring.project.loader.fingerprint import canonical_value
from mainspring.project.plan.notation import render_field
from mainspring.sources.spec import Source

SOURCE = Source("sales", id="id", event_time="at")


@pytest.mark.parametrize(
    ("aggregation", "said"),
    [
        (count(), "count()"),
        (count(where=col("a") > 1), 'count(where=col("a") > 1)'),
        (col("a").top_k(3), 'col("a").top_k(3)'),
        (col("a").quantiles([0.5, 0.9]), 'col("a").quantiles([0.5, 0.9])'),
        (
            col("a").histogram([1, 2.5], where=col("b")),
            'col("a").histogram([1, 2.5], where=col("b"))',
        ),
        (col("a").value_counts(["x", "y"]), 'col("a").value_counts(["x", "y"])'),
        (col("a").value_counts([True]), 'col("a").value_counts([True])'),
        (col("a").count_distinct(limit=9), 'col("a").count_distinct(limit=9, beyond="saturate")'),
        (col("a").ewma(half_life="90m"), 'col("a").ewma(half_life="90m")'),
    ],
)
def test_an_aggregate_is_told_as_it_is_written(aggregation, said):
    assert render_field("features.it", json.dumps(canonical_value(aggregation))) == said


def test_an_entity_is_told_with_the_view_that_it_is_reached_through():
    models = FeatureView(
        "models", source=SOURCE, entities=[Entity("ship")], features=latest("model")
    )
    said = render_field(
        "entities.model", json.dumps(canonical_value(Entity("model", through=models)))
    )
    assert said == "Entity(name=model, join_keys=[model], null_keys=skip, through=view.models)"


def test_sources_and_windows_are_told_by_what_they_are_called():
    view = FeatureView(
        "v",
        source=[SOURCE, Source("gifts", id="id", event_time="at")],
        entities=[],
        windows=["unbounded", "1d"],
        features={},
    )
    assert (
        render_field("sources", json.dumps(canonical_value(view.sources)))
        == "source.gifts, source.sales"
    )
    assert render_field("windows", json.dumps(canonical_value(view.windows))) == "unbounded, 24h"
