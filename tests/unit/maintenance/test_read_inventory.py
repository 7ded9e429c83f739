"""What is there, and what points to it: read from environments and what is stored with them."""

import polars as pl
import pytest

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import canonical_json
from mainspring.elements.time import DAY
from mainspring.maintenance.garbage import GarbageInventory
from mainspring.maintenance.ports import MaintenancePorts
from mainspring.maintenance.read_inventory import MARKS, read_inventory
from mainspring.ports.state import Change
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    definition_key,
    next_version,
)
from mainspring.registry.read_environment import read_environment
from mainspring.testing.memory import MemoryEngines

ADA = Actor("person:ada")
TOPICS = ("source:sales", "quarantine:sales", "inference:prod:late")
ENVIRONMENTS = {"dev": 1, "prod": 1}


@pytest.fixture
def engines() -> MemoryEngines:
    return MemoryEngines.at(100 * DAY, project="shop")


@pytest.fixture
def ports(engines: MemoryEngines) -> MaintenancePorts:
    for topic in TOPICS:
        append(engines, topic)
    return MaintenancePorts(
        project=ProjectName("shop"),
        actor=ADA,
        state=engines.state,
        log=engines.log,
        tables=engines.tables,
        online=engines.online,
        objects=engines.objects,
        clock=engines.clock,
        data_clock=engines.clock,
    )


def append(engines: MemoryEngines, topic: str) -> None:
    record = pl.DataFrame(
        {
            "_id": [topic],
            "_content": [b"\x00" * 16],
            "_op": ["insert"],
            "_event_time": [0],
            "_known_at": [0],
            "_appended_at": [0],
            "_visible_at": [0],
            "_history": [False],
        }
    )
    engines.log.append({topic: record}, expected={})


def hold(
    ports: MaintenancePorts, environment: str, asset: str, retention: int | None, *, stored=True
) -> None:
    """Let an environment hold an asset that was declared with a retention."""
    kind = "endpoint" if asset.startswith("endpoint.") else "source"
    said = {"retention": canonical_json(retention).decode(), "in": f'"{environment}"'}
    definition = AssetDefinition(asset=asset, build={}, policy=said, parents={})
    build, policy = definition.build_fingerprint, definition.policy_fingerprint
    pointer = AssetPointer(
        asset=asset,
        kind=kind,
        build_fingerprint=build,
        policy_fingerprint=policy,
        build_digest=build,
    )
    before = read_environment(ports.state, environment)
    held = next_version(before, [pointer], by=ADA, at=0, reason="test")
    changes = [Change("environment", environment, canonical_json(held))]
    if stored:
        key = definition_key(asset, build, policy)
        changes.append(Change("definition", key, canonical_json(definition)))
    ports.state.commit(changes, [])


def inventory(ports: MaintenancePorts) -> GarbageInventory:
    now = ports.clock.now()
    return read_inventory(ports, ENVIRONMENTS, grace=DAY, at=now, data_at=now, leftovers=())


def retentions(ports: MaintenancePorts) -> dict[str, int | None]:
    return {topic.name: topic.retention for topic in inventory(ports).topics}


def test_what_no_environment_holds_is_bounded_by_nothing(ports: MaintenancePorts) -> None:
    assert retentions(ports) == dict.fromkeys(TOPICS)


def test_of_several_environments_the_longest_retention_counts(ports: MaintenancePorts) -> None:
    hold(ports, "dev", "source.sales", 7 * DAY)
    hold(ports, "prod", "source.sales", 30 * DAY)
    found = retentions(ports)
    assert (found["source:sales"], found["quarantine:sales"]) == (30 * DAY, 30 * DAY)


def test_an_environment_that_holds_all_keeps_the_others_from_trimming(
    ports: MaintenancePorts,
) -> None:
    hold(ports, "dev", "source.sales", 7 * DAY)
    hold(ports, "prod", "source.sales", None)
    assert retentions(ports)["source:sales"] is None


def test_predictions_are_bounded_by_their_own_environment(ports: MaintenancePorts) -> None:
    hold(ports, "dev", "endpoint.late", 7 * DAY)
    assert retentions(ports)["inference:prod:late"] is None
    hold(ports, "prod", "endpoint.late", 90 * DAY)
    assert retentions(ports)["inference:prod:late"] == 90 * DAY


def test_a_definition_that_is_not_stored_bounds_nothing(ports: MaintenancePorts) -> None:
    hold(ports, "dev", "source.sales", 7 * DAY, stored=False)
    assert retentions(ports)["source:sales"] is None


def test_marks_do_not_reference_what_they_mark(ports: MaintenancePorts) -> None:
    orphan = ports.objects.write(b"orphan")
    ports.state.commit([Change(*MARKS, canonical_json({orphan: 5}))], [])
    found = inventory(ports)
    assert (found.referenced, found.marked) == (frozenset(), {orphan: 5})
