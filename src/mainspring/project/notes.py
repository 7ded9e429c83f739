"""Notes of assets (owner, description, tags), put on record for those that read no project.

They are in no fingerprint, so a change of them is no part of a plan; they go on record with a move,
or by themselves where nothing else changed.
"""

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.stored import render_stored
from mainspring.elements.time import Micros
from mainspring.ports.state import Change, StateStore
from mainspring.project.loader.graph import Graph
from mainspring.registry.environment import definition_key
from mainspring.registry.read_environment import read_definition, read_environment

__all__ = ["record_notes"]


def record_notes(
    graph: Graph,
    environment: str,
    *,
    state: StateStore,
    project: ProjectName,
    actor: Actor,
    at: Micros,
) -> tuple[str, ...]:
    """Store the notes of every asset that the environment holds as it is declared; the assets whose
    notes were others.
    """
    changes: list[Change] = []
    names: list[str] = []
    for pointer in read_environment(state, environment).pointers.values():
        asset, held = graph.assets.get(pointer.asset), read_definition(state, pointer)
        key = definition_key(pointer.asset, pointer.build_fingerprint, pointer.policy_fingerprint)
        if asset is None or held is None or held.notes_or_none == asset.definition.notes_or_none:
            continue
        if (asset.build_fingerprint, asset.policy_fingerprint) == (
            pointer.build_fingerprint,
            pointer.policy_fingerprint,
        ):
            names.append(asset.name)
            changes.append(Change("definition", key, render_stored(asset.definition)))
    if changes:
        event = Event(
            kind="notes.recorded",
            project=project,
            actor=actor,
            at=at,
            subject=environment,
            environment=environment,
            facts={"assets": ", ".join(names)},
        )
        state.commit(changes, [event])
    return tuple(names)
