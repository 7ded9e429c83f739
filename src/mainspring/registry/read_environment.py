"""Reads environments, builds and definitions from state."""

from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_stored
from mainspring.ports.state import StateReader
from mainspring.registry.environment import (
    AssetDefinition,
    AssetPointer,
    AssetRecord,
    Build,
    EnvironmentVersion,
    build_key,
    definition_key,
    empty_environment,
    environment_version_key,
)
from mainspring.registry.errors import DefinitionMissing, DefinitionTampered

__all__ = [
    "read_asset_records",
    "read_build",
    "read_definition",
    "read_environment",
    "read_past_environment",
    "require_definition",
]


def read_environment(state: StateReader, name: str) -> EnvironmentVersion:
    """The newest map of an environment; version 0 where nothing was applied yet."""
    document = state.get("environment", name)
    return (
        parse_stored(document.payload, EnvironmentVersion, key=name)
        if document
        else empty_environment(name)
    )


def read_past_environment(state: StateReader, name: str, version: int) -> EnvironmentVersion | None:
    """One version of an environment's map, or None where there is none."""
    key = environment_version_key(name, version)
    document = state.get("environment", key)
    return parse_stored(document.payload, EnvironmentVersion, key=key) if document else None


def read_build(state: StateReader, asset: str, fingerprint: Digest) -> Build | None:
    """The newest build of a definition, or None."""
    document = state.get("build", build_key(asset, fingerprint))
    return parse_stored(document.payload, Build, key=asset) if document else None


def read_definition(state: StateReader, pointer: AssetPointer) -> AssetDefinition | None:
    """What an asset was declared as when an environment came to hold it, or None."""
    key = definition_key(pointer.asset, pointer.build_fingerprint, pointer.policy_fingerprint)
    document = state.get("definition", key)
    return parse_stored(document.payload, AssetDefinition, key=key) if document else None


def require_definition(
    state: StateReader, pointer: AssetPointer, *, environment: str
) -> AssetDefinition:
    """What an asset was declared as, checked to ask what the environment says it asks.

    The state database is not signed; the policy fingerprint is, in every statement about a model.

    Raises: DefinitionMissing REG-006, DefinitionTampered REG-008.
    """
    found = read_definition(state, pointer)
    if found is None:
        raise DefinitionMissing(asset=pointer.asset, environment=environment)
    if found.policy_fingerprint != pointer.policy_fingerprint:
        raise DefinitionTampered(asset=pointer.asset, environment=environment)
    return found


def read_asset_records(state: StateReader) -> dict[str, AssetRecord]:
    """What is on record of declared assets, by asset."""
    return {
        document.key: parse_stored(document.payload, AssetRecord, key=document.key)
        for document in state.iter_documents("asset")
    }
