"""The one writer of environments: every move of a pointer goes through here, in one transaction."""

from collections.abc import Iterable, Iterator

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.stored import parse_document, render_stored
from mainspring.ports.state import Change, Lease, StateWriter
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    AssetRecord,
    Build,
    EnvironmentVersion,
    build_key,
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
    builds: Iterable[Build] = (),
    signed: Iterable[Change] = (),
) -> None:
    """Put the next version of an environment in place, with what its assets are declared as and an
    event, in one transaction.

    Args:
        fresh: the version after the one that stands.
        lease: the right to move this environment; checked in the transaction.
        definitions: of the pointers that the environment did not hold before.
        builds: that it holds under a new name.
        signed: the statements about this version.

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
    held = parse_document(document, EnvironmentVersion) if document else None
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
        *(
            change
            for pointer, definition in definitions
            for change in _definition_changes(pointer, definition)
        ),
        *(
            Change("build", build_key(build.asset, build.fingerprint), render_stored(build))
            for build in builds
        ),
        *signed,
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


def _definition_changes(pointer: AssetPointer, definition: AssetDefinition) -> Iterator[Change]:
    key = definition_key(pointer.asset, pointer.build_fingerprint, pointer.policy_fingerprint)
    yield Change("definition", key, render_stored(definition))
    if definition.asset != pointer.asset:
        # With the map: an asset that was renamed in code and never applied has no other name yet.
        record = AssetRecord(origin=definition.asset.partition(".")[2])
        yield Change("asset", pointer.asset, render_stored(record))
