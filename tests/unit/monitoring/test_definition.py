"""The definition of a monitor, read back as it was declared."""

import math

import pytest

import mainspring as ms
from mainspring import col
from mainspring.elements.identity import Digest
from mainspring.monitoring.definition import MonitorDefinition, parse_monitor, parse_served_model
from mainspring.monitoring.errors import UnreadableMonitor
from mainspring.project.kinds.asset import Declaration, FingerprintContext
from mainspring.project.loader.fingerprint import define_asset
from mainspring.registry.environment import AssetDefinition
from mainspring.training.spec import Model

SALES = ms.Source("sales", id="sale", event_time="at")
TRIPS = ms.TrainingSet(
    "trips",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop"],
    label=ms.Label(SALES, col("amount") > 1, join_on="sale"),
    features=[],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)
LATE = Model(lambda train, run: None, TRIPS, name="late")


def stored(declaration: Declaration) -> AssetDefinition:
    """The definition as a project writes it."""
    context = FingerprintContext(semantics=1)
    return define_asset(declaration, {"model.late": Digest("sha256:1")}, context)


def test_a_monitor_is_read_back_as_it_was_declared():
    monitor = ms.Monitor(LATE, schedule="hourly", sensitivity=2, name="late-hourly", owner="ada")
    assert parse_monitor(stored(monitor)) == MonitorDefinition(
        name="late-hourly", model="late", schedule="hourly", sensitivity=2.0
    )


def test_the_defaults_of_a_monitor_are_part_of_its_definition():
    assert parse_monitor(stored(ms.Monitor(LATE))) == MonitorDefinition(
        name="late-monitor", model="late", schedule="daily", sensitivity=1.4
    )


def test_a_sensitivity_without_bound_is_read_back():
    assert parse_monitor(stored(ms.Monitor(LATE, sensitivity=math.inf))).sensitivity == math.inf


def test_an_endpoint_names_its_model():
    assert parse_served_model(stored(ms.Endpoint("late-arrival", model=LATE))) == "late"


@pytest.mark.parametrize(
    ("field", "text"), [("schedule", '"weekly"'), ("sensitivity", '"much"'), ("model", "{")]
)
def test_a_field_that_this_release_does_not_read_is_named(field, text):
    known = stored(ms.Monitor(LATE))
    is_build = field in known.build
    other = AssetDefinition(
        asset=known.asset,
        build=known.build | ({field: text} if is_build else {}),
        policy=known.policy | ({} if is_build else {field: text}),
        parents={},
    )
    with pytest.raises(UnreadableMonitor, match=f"monitor.late-monitor.*{field}"):
        parse_monitor(other)
