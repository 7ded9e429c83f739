"""Declarations in the notation that users write."""

import json

import pytest

from mainspring.elements.expression import col
from mainspring.features.spec import Entity, FeatureView, latest
from mainspring.project.loader.fingerprint import canonical_value
from mainspring.project.plan.notation import render_field, render_field_change, render_value
from mainspring.sources.spec import Source

SOURCE = Source("sales", id="id", event_time="at")


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ((-col("x")).ceil().node, '(-col("x")).ceil()'),
        (col("a").top_k(3, where=col("b")), 'col("a").top_k(3, where=col("b"))'),
        (latest("model"), "Latest(columns=[model])"),
    ],
)
def test_an_expression_is_rendered_as_its_operations_are(declared: object, written: str) -> None:
    assert render_value(json.loads(json.dumps(canonical_value(declared)))) == written


def test_an_expression_that_changed_is_rendered_whole() -> None:
    before, after = (json.dumps(canonical_value((col("x") + k).node)) for k in (1, 2))
    assert render_field_change("features.it", before, after) == 'col("x") + 1 → col("x") + 2'


def test_an_operation_that_is_not_known_is_rendered_by_its_fields() -> None:
    described = {"is": "Cosh", "operand": {"is": "Column", "name": "x"}}
    assert render_value(described) == 'Cosh(operand=col("x"))'


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
