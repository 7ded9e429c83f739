"""An endpoint is read back from the definition that is stored beside its pointer."""

import msgspec
import pytest

import mainspring as ms
from mainspring import col
from mainspring.elements.time import DAY, MINUTE
from mainspring.project.loader.load import load_definitions
from mainspring.registry.environment import AssetDefinition
from mainspring.serving.definition import EndpointDefinition, parse_endpoint_definition

SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.String(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64()
    ),
)
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[ms.Entity("shop")],
    windows=["1h"],
    features={"sales": ms.count()},
)
LATE = ms.TrainingSet(
    "late",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop"],
    label=ms.Label(SALES, col("amount") > 1, join_on="sale"),
    features=[TAKINGS],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)


@ms.model(LATE)
def lateness(train, run):
    return None


def stored(endpoint: ms.Endpoint) -> AssetDefinition:
    return load_definitions([endpoint]).graph.assets[f"endpoint.{endpoint.name}"].definition


def test_an_endpoint_comes_back_with_its_model_rollout_and_retention() -> None:
    rollout = ms.Canary(steps=[5, 25, 100], hold="10m")
    endpoint = ms.Endpoint("late-sale", model=lateness, rollout=rollout, retention="30d")
    assert parse_endpoint_definition(stored(endpoint)) == EndpointDefinition(
        name="late-sale", model="model.lateness", rollout=rollout, retention=30 * DAY
    )


@pytest.mark.parametrize("hold", ["1us", "90s", "1d", "3w"])
def test_every_length_of_a_step_comes_back(hold: str) -> None:
    rollout = ms.Canary(steps=[100], hold=hold)
    found = parse_endpoint_definition(stored(ms.Endpoint("late", model=lateness, rollout=rollout)))
    assert found.rollout == rollout


def test_what_an_endpoint_does_not_say_is_none() -> None:
    found = parse_endpoint_definition(stored(ms.Endpoint("late", model=lateness)))
    assert (found.rollout, found.retention) == (None, None)


def test_fields_of_another_release_are_no_matter() -> None:
    definition = AssetDefinition(
        asset="endpoint.late",
        build={"model": '{"asset":"model.lateness"}', "added": "1"},
        policy={"rollout": f'{{"hold":{10 * MINUTE},"is":"Canary","steps":[100],"by":"request"}}'},
        parents={},
    )
    assert parse_endpoint_definition(definition).rollout == ms.Canary(steps=[100], hold="10m")


def test_the_definition_of_another_asset_is_refused() -> None:
    other = AssetDefinition(asset="view.takings", build={}, policy={}, parents={})
    with pytest.raises(msgspec.ValidationError):
        parse_endpoint_definition(other)


def test_how_predictions_are_logged_comes_back_and_is_no_part_of_what_is_built() -> None:
    log = ms.InferenceLog(durability="disk", sample=0.25, asynchronous=True)
    plain = stored(ms.Endpoint("late-sale", model=lateness))
    logging = stored(ms.Endpoint("late-sale", model=lateness, log=log))
    assert parse_endpoint_definition(logging).log == log
    assert parse_endpoint_definition(plain).log is None
    assert logging.build == plain.build
    assert logging.policy.keys() - plain.policy.keys() == {"log"}
