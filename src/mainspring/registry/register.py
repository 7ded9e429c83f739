"""Register what a fit made, once, at the next place of its model."""

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.stored import render_bare, render_stored
from mainspring.elements.time import Micros
from mainspring.ports.errors import StaleWrite
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import Change, StateWriter
from mainspring.registry.errors import BusyRegistry
from mainspring.registry.read import read_object, read_version, version_key
from mainspring.registry.version import ModelManifest, ModelVersion, make_version

__all__ = ["register_version"]

_ATTEMPTS = 20


def register_version(
    manifest: ModelManifest,
    *,
    state: StateWriter,
    objects: ObjectReader,
    project: ProjectName,
    actor: Actor,
    at: Micros,
    reason: str,
    first_name: str = "",
) -> ModelVersion:
    """The version of what was trained: a new one, or the one that the same author registered before
    from the same manifest.

    Args:
        first_name: what the model was first called, which its versions are filed by; default: as it
            is called now.

    Raises: ArtifactChanged REG-002 when the artifact is not what was trained; ObjectMissing ENG-002
        when it is not there; BusyRegistry REG-003.
    """
    filed = first_name or manifest.model
    for _ in range(_ATTEMPTS):
        ordinal = 1 + sum(1 for _ in state.iter_documents("version", f"{filed}/"))
        version = make_version(
            manifest,
            ordinal=ordinal,
            project=project,
            author=actor,
            registered_at=at,
            reason=reason,
        )
        if state.get("version_digest", version.digest):
            return read_version(state, version.digest)
        read_object(objects, version, "artifact")
        if _put(version, version_key(filed, ordinal), state):
            return version
    raise BusyRegistry(model=manifest.model, attempts=_ATTEMPTS)


def _put(version: ModelVersion, key: str, state: StateWriter) -> bool:
    """Take the place and the name in one transaction; False when another process took either
    first.
    """
    changes = [
        Change("version", key, render_stored(version), 0),
        Change("version_digest", version.digest, render_bare(key), 0),
    ]
    try:
        state.commit(changes, [_registered(version)])
    except StaleWrite:
        return False
    return True


def _registered(version: ModelVersion) -> Event:
    return Event(
        kind="version.registered",
        project=version.project,
        actor=version.author,
        at=version.registered_at,
        subject=version.digest,
        facts={
            "version": version.label,
            "artifact": version.artifact,
            "training_set": version.training_set,
            "fingerprint": version.fingerprint,
            "reason": version.reason,
        },
    )
