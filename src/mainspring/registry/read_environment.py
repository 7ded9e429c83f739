"""Reads environments, builds and definitions from state."""

from collections.abc import Iterator, Mapping

from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_document
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
    "find_build",
    "iter_environments",
    "read_asset_origins",
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
    return parse_document(document, EnvironmentVersion) if document else empty_environment(name)


def read_past_environment(state: StateReader, name: str, version: int) -> EnvironmentVersion | None:
    """One version of an environment's map, or None where there is none."""
    key = environment_version_key(name, version)
    document = state.get("environment", key)
    return parse_document(document, EnvironmentVersion) if document else None


def read_build(state: StateReader, asset: str, fingerprint: Digest) -> Build | None:
    """The newest build of a definition, or None."""
    document = state.get("build", build_key(asset, fingerprint))
    return parse_document(document, Build) if document else None


def find_build(
    state: StateReader, asset: str, fingerprint: Digest, *, origins: Mapping[str, str]
) -> Build | None:
    """The newest build of a definition, under this name or another one of the same asset; or None.

    Args:
        origins: what assets were first called, of those that are on record.
    """
    found = read_build(state, asset, fingerprint)
    if found is not None:
        return found
    first = origins.get(asset, asset)
    others = (name for name in {first, *origins} if origins.get(name, name) == first)
    builds = (read_build(state, name, fingerprint) for name in sorted(others))
    return next((build for build in builds if build is not None), None)


def read_definition(state: StateReader, pointer: AssetPointer) -> AssetDefinition | None:
    """What an asset was declared as when an environment came to hold it, or None."""
    key = definition_key(pointer.asset, pointer.build_fingerprint, pointer.policy_fingerprint)
    document = state.get("definition", key)
    return parse_document(document, AssetDefinition) if document else None


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


def iter_environments(state: StateReader) -> Iterator[str]:
    """The names of the environments that hold something."""
    return (
        document.key for document in state.iter_documents("environment") if "/" not in document.key
    )


def read_asset_origins(state: StateReader) -> dict[str, str]:
    """What each asset was first called, by asset: of those on record, and of those that an
    environment holds, which were never renamed.
    """
    held = {
        asset: asset
        for name in iter_environments(state)
        for asset in read_environment(state, name).pointers
    }
    return held | {
        asset: f"{asset.partition('.')[0]}.{record.origin}"
        for asset, record in read_asset_records(state).items()
    }


def read_asset_records(state: StateReader) -> dict[str, AssetRecord]:
    """What is on record of declared assets, by asset."""
    return {
        document.key: parse_document(document, AssetRecord)
        for document in state.iter_documents("asset")
    }
