"""A lineage is that of what an environment holds, by the definitions that are stored with it."""

import pytest

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import Digest, canonical_json
from mainspring.engines.local.state import SqliteState
from mainspring.govern.lineage import asset_lineage
from mainspring.ports.state import Change
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    EnvironmentVersion,
    definition_key,
    empty_environment,
    next_version,
)
from mainspring.registry.errors import UnknownAsset
from mainspring.testing import FrozenClock

ADA, SHOP = Actor("person:ada"), ProjectName("shop")
KINDS = {
    "source.sales": "source",
    "source.pushed": "source",
    "training_set.late": "training_set",
    "model.late": "model",
    "endpoint.late": "endpoint",
}
MADE_FROM = {
    "training_set.late": ["source.sales", "source.pushed"],
    "model.late": ["training_set.late"],
    "endpoint.late": ["model.late"],
}


def digest(name: str) -> Digest:
    return Digest(f"sha256:{name}")


def declared(asset: str) -> AssetDefinition:
    path = {"source.sales": '"sales.csv"', "source.pushed": "null"}.get(asset)
    return AssetDefinition(
        asset=asset,
        build={"path": path} if path else {},
        policy={},
        parents={parent: digest(f"build of {parent}") for parent in MADE_FROM.get(asset, [])},
    )


def pointer(asset: str) -> AssetPointer:
    stored = declared(asset)
    return AssetPointer(
        asset=asset,
        kind=KINDS[asset],
        build_fingerprint=stored.build_fingerprint,
        policy_fingerprint=stored.policy_fingerprint,
        build_digest=digest(asset),
    )


def definition(asset: str) -> Change:
    stored = declared(asset)
    key = definition_key(asset, stored.build_fingerprint, stored.policy_fingerprint)
    return Change("definition", key, canonical_json(stored))


@pytest.fixture
def state() -> SqliteState:
    opened = SqliteState(None, SHOP, clock=FrozenClock(0))
    built = Event(
        kind="build.made",
        project=SHOP,
        actor=ADA,
        at=7,
        subject="model.late",
        environment="dev",
        facts={"digest": digest("model.late"), "fitted": 48, "fingerprint": "not shown"},
    )
    opened.commit([definition(asset) for asset in KINDS], [built])
    return opened


@pytest.fixture
def environment() -> EnvironmentVersion:
    pointers = [pointer(asset) for asset in KINDS]
    return next_version(empty_environment("dev"), pointers, by=ADA, at=1, reason="apply")


def test_a_lineage_ends_at_files_and_at_sources_that_are_pushed_to(
    state: SqliteState, environment: EnvironmentVersion
) -> None:
    training_set = asset_lineage("training_set.late", environment, state=state)
    ends = {
        parent.asset: [each.asset for each in parent.parents] for parent in training_set.parents
    }
    assert ends == {"source.sales": ["file sales.csv"], "source.pushed": []}


def test_of_assets_with_one_name_the_last_made_is_meant(
    state: SqliteState, environment: EnvironmentVersion
) -> None:
    assert asset_lineage("late", environment, state=state).asset == "endpoint.late"


def test_the_journal_says_who_made_a_build(
    state: SqliteState, environment: EnvironmentVersion
) -> None:
    model = asset_lineage("model.late", environment, state=state)
    assert (model.made_by, model.made_at, model.facts) == (ADA, 7, {"fitted": 48})


def test_an_asset_without_a_stored_definition_is_told_without_parents(
    state: SqliteState, environment: EnvironmentVersion
) -> None:
    state.commit([definition("model.late")._replace(payload=None)], [])
    assert asset_lineage("endpoint.late", environment, state=state).parents[0].parents == ()


def test_what_the_environment_does_not_hold_is_refused_with_what_it_holds(
    state: SqliteState, environment: EnvironmentVersion
) -> None:
    with pytest.raises(UnknownAsset, match=r"source\.sales"):
        asset_lineage("model.early", environment, state=state)
    with pytest.raises(UnknownAsset, match="none"):
        asset_lineage("model.late", empty_environment("dev"), state=state)
