"""A view in words."""

import pytest

from mainspring.elements.expression import col, count
from mainspring.features.explanation import explain_view, render_view_explanation
from mainspring.features.spec import Entity
from tests.unit.features.harbour import ARRIVALS, DEPARTURES, compiled
from tests.unit.features.history import newest, windowed
from tests.unit.features.test_entities import BY_MODEL


def test_every_output_says_its_window_its_edges_and_how_sure_it_is():
    explained = explain_view(
        windowed(
            windows=("1h", "unbounded"),
            closed="both",
            mean=col("delay").mean(where=col("bags") > 1),
        )
    )
    assert [(output.name, output.window, output.exactness) for output in explained.outputs] == [
        ("mean__1h", "[q - 1h, q]", "proven"),
        ("mean__unbounded", "(-∞, q]", "proven"),
    ]
    assert explained.outputs[0].reads == ("bags", "delay")
    assert explained.outputs[0].says.endswith("where a condition holds")


@pytest.mark.parametrize(
    "made", [col("delay").ewma(half_life="1h"), col("delay").skew(), col("delay").kurt()]
)
def test_what_folds_events_one_by_one_is_marked_ordered(made):
    [output] = explain_view(windowed(it=made)).outputs
    assert output.exactness == "ordered"


def test_a_lookup_says_how_long_a_fact_counts():
    explained = explain_view(newest("delay", ttl="3h"))
    assert (explained.ttl, explained.outputs[0].window) == (
        "3h",
        "event_time < q < event_time + 3h",
    )


def test_entities_say_what_they_are_found_by():
    says = {entity.name: entity.says for entity in explain_view(BY_MODEL).entities}
    assert says["ship"] == "by ship; facts without a key belong to none"
    assert (
        says["model"]
        == "by the model that view models knew of ship; facts without a key belong to none"
    )


def test_the_text_tells_sources_hop_and_hindsight():
    view = compiled(
        "calls",
        source=[DEPARTURES, ARRIVALS],
        entities=[Entity("harbour", join_keys=[])],
        windows=["1d"],
        features={"n": count()},
        hop="15m",
        knowledge="as_corrected",
        description="who calls",
    )
    assert render_view_explanation(explain_view(view)).splitlines() == [
        "calls: who calls",
        (
            "  facts     arrivals, departures, hindsight: what stands in the end, which no "
            "gate lets serve"
        ),
        "  entity    harbour: everything",
        "  hop       as at the last multiple of 15m since 1970, on both clocks",
        (
            "  n__24h  [q - 24h, q)  proven   How many rows are in the window, nulls and "
            "all, or how many of them satisfy a condition"
        ),
    ]
