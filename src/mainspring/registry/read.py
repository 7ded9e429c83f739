"""Find versions, and read their artifacts with their digests checked."""

import re
from collections.abc import Iterator

from mainspring.elements.identity import Digest, digest_of, short
from mainspring.elements.stored import (
    misfiled_document,
    parse_bare,
    parse_document,
    render_bare,
)
from mainspring.ports.errors import ObjectDamaged
from mainspring.ports.models import ExportedModel
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import Document, StateReader
from mainspring.registry.environment import AssetRecord
from mainspring.registry.errors import ArtifactChanged, UnknownVersion, VersionChanged
from mainspring.registry.version import ModelVersion, VersionPart

__all__ = [
    "find_version",
    "first_name",
    "iter_versions",
    "read_artifact",
    "read_object",
    "read_version",
    "version_key",
]

_LABEL = re.compile(r"(?P<model>.+?)\s*[@ ]\s*v(?P<ordinal>\d+)")
_DIGITS = re.compile(r"(?:sha256:)?(?P<digits>[0-9a-f]{12,64})")


def version_key(model: str, ordinal: int) -> str:
    """The key of a `version` document; keys sort as ordinals do.

    >>> version_key("late_arrival", 3)
    'late_arrival/000003'
    """
    return f"{model}/{ordinal:06d}"


def iter_versions(state: StateReader, model: str = "") -> Iterator[ModelVersion]:
    """The versions of a model, oldest first, whatever it was called when they were made; without a
    model those of all models, by their first names.
    """
    filed = f"{first_name(state, model)}/" if model else ""
    for document in state.iter_documents("version", filed):
        yield _version_of(document, state)


def first_name(state: StateReader, model: str) -> str:
    """What a model was first called: its versions are filed by that."""
    document = state.get("asset", f"model.{model}")
    if document is not None:
        return parse_document(document, AssetRecord).origin
    if any(True for _ in state.iter_documents("version", f"{model}/")):
        return model
    # A model that was renamed and not deployed since has versions by its new name, and no record.
    made = state.iter_documents("version")
    named = (each.key for each in made if _version_of(each, state).model == model)
    return next(named, model).partition("/")[0]


def read_version(state: StateReader, digest: Digest) -> ModelVersion:
    """The version of this digest, checked to say what it is named by.

    Raises: UnknownVersion REG-001 when there is none; VersionChanged REG-004 when its record was
        changed.
    """
    pointer = state.get("version_digest", digest)
    key = parse_bare(pointer.payload, str, title="the place of a version") if pointer else ""
    document = state.get("version", key) if pointer else None
    if document is None:
        raise UnknownVersion(reference=digest, known=_known(state))
    version = parse_document(document, ModelVersion)
    if version.digest != digest or not version.is_intact:
        raise VersionChanged(
            version=version.label, expected=digest, found=version.digest_of_manifest
        )
    return version


def find_version(state: StateReader, reference: str) -> ModelVersion:
    """The version that a person means: `late_arrival@v3`, `late_arrival v3`, twelve or more digits
    of a digest, or `late_arrival` for the newest; by any name that the model has had.

    Raises: UnknownVersion REG-001 when none is meant, or several; VersionChanged REG-004.
    """
    if label := _LABEL.fullmatch(reference):
        filed = first_name(state, label["model"])
        document = state.get("version", version_key(filed, int(label["ordinal"])))
        found = [_version_of(document, state).digest] if document else []
    elif digits := _DIGITS.fullmatch(reference):
        found = [
            Digest(document.key)
            for document in state.iter_documents("version_digest", f"sha256:{digits['digits']}")
        ]
    else:
        found = [version.digest for version in iter_versions(state, reference)][-1:]
    if len(found) != 1:
        raise UnknownVersion(reference=reference, known=_known(state))
    return read_version(state, found[0])


def read_artifact(objects: ObjectReader, version: ModelVersion) -> ExportedModel:
    """The exported model.  Raises: ArtifactChanged REG-002 when its bytes were changed;
    ObjectMissing ENG-002 when they are gone.
    """
    return ExportedModel(version.format, read_object(objects, version, "artifact"), version.output)


def read_object(objects: ObjectReader, version: ModelVersion, part: VersionPart) -> bytes:
    """The bytes of one part of a version.

    Raises: ArtifactChanged REG-002 when they were changed; ObjectMissing ENG-002 when they are
        gone.
    """
    expected = version.digest_of_part(part)
    try:
        payload = objects.read(expected)
    except ObjectDamaged as error:
        raise ArtifactChanged(
            version=version.label, part=part, expected=expected, found=error.found
        ) from error
    # Checked again on this side of the port: what serves must not hang on the honesty of an engine.
    if digest_of(payload) != expected:
        raise ArtifactChanged(
            version=version.label, part=part, expected=expected, found=digest_of(payload)
        )
    return payload


def _version_of(document: Document, state: StateReader) -> ModelVersion:
    """The version of a document.  Its model may have another name by now than the one that it is
    filed by, so what says where it lies is the document of its digest.
    """
    version = parse_document(document, ModelVersion)
    place = state.get("version_digest", version.digest)
    if place is not None and place.payload != render_bare(document.key):
        raise misfiled_document(document, ModelVersion)
    return version


def _known(state: StateReader) -> str:
    versions = [f"{v.model}@v{v.ordinal} ({short(v.digest)})" for v in iter_versions(state)]
    return ", ".join(versions[-10:]) or "none yet"
