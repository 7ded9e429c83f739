"""The one writer of environments: every move of a pointer goes through here, in one transaction."""

from collections.abc import Iterable

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.stored import parse_stored, render_stored
from mainspring.ports.state import Change, Lease, StateWriter
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    EnvironmentVersion,
    definition_key,
    environment_version_key,
)
from mainspring.registry.errors import EnvironmentMoved

__all__ = ["move_environment"]


def move_environment(
    fresh: EnvironmentVersion,
    *,
    state: StateWriter,
    lease: Lease,
    project: ProjectName,
    actor: Actor,
    definitions: Iterable[tuple[AssetPointer, AssetDefinition]] = (),
) -> None:
    """Put the next version of an environment in place, with what its assets are declared as and an
    event, in one transaction.

    Args:
        fresh: the version after the one that stands.
        lease: the right to move this environment; checked in the transaction.
        definitions: of the pointers that the environment did not hold before.

    Raises:
        EnvironmentMoved: REG-007 when another version stands than the one before `fresh`.
        LeaseLost: ENG-005 when the lease has passed on.
        StaleWrite: ENG-004 when the document changed in between.
    """
    name, payload = fresh.environment, render_stored(fresh)
    # The document's own version is what the store can compare, so it is read beside the version
    # that the payload names.  Under a lease nobody else moves the environment; a process that
    # slept through its lease is stopped by the lease, and one that ignores leases by `expected`.
    document = state.get("environment", name)
    held = parse_stored(document.payload, EnvironmentVersion) if document else None
    found = held.version if held else 0
    if found != fresh.version - 1:
        raise EnvironmentMoved(
            environment=name,
            expected=fresh.version - 1,
            found=found,
            by=held.moved_by if held else "",
        )
    changes = [
        Change("environment", name, payload, document.version if document else 0),
        Change("environment", environment_version_key(name, fresh.version), payload, 0),
        *(_definition_change(pointer, definition) for pointer, definition in definitions),
    ]
    event = Event(
        kind="environment.moved",
        project=project,
        actor=actor,
        at=fresh.moved_at,
        subject=name,
        environment=name,
        facts={"version": fresh.version, "reason": fresh.reason},
    )
    state.commit(changes, [event], lease=lease)


def _definition_change(pointer: AssetPointer, definition: AssetDefinition) -> Change:
    key = definition_key(pointer.asset, pointer.build_fingerprint, pointer.policy_fingerprint)
    return Change("definition", key, render_stored(definition))
