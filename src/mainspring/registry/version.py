"""A model version: what a fit made, under the digest of everything that makes it what it is, and
the place it has among its kind.
"""

import msgspec

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest, digest_of_value
from mainspring.elements.time import Micros

__all__ = [
    "ExportCheck",
    "FitEnvironment",
    "ModelManifest",
    "ModelVersion",
    "manifest_of",
    "version_of",
]

Parameter = str | int | float | bool | None


class FitEnvironment(msgspec.Struct, frozen=True):
    """Where it was fitted; `packages` maps distributions to versions."""

    python: str
    system: str
    machine: str
    packages: dict[str, str]


class ExportCheck(msgspec.Struct, frozen=True):
    """Exported against native scores on the test rows: how many rows, how many differ in any bit,
    and by how much at most.
    """

    rows: int
    differing: int
    largest: float


class ModelManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that makes a version what it is, and nothing else: no time, no name of a person,
    no cost.

    Args:
        fingerprint: of the model's definition; `code`: of its code.
        artifact, encoding, predictions, training_set: stored objects; `definition` and `card`:
            those of the training set.
        metrics: on the test rows; `base_rate`: the mean label of the fitted rows; `feature_auc`:
            what each feature is worth alone.
    """

    model: str
    fingerprint: Digest
    code: Digest
    artifact: Digest
    format: str
    output: str
    encoding: Digest
    training_set: Digest
    definition: Digest
    card: Digest
    predictions: Digest
    environment: FitEnvironment
    seed: int
    params: dict[str, Parameter]
    metrics: dict[str, float]
    base_rate: float
    fitted: int
    tested: int
    feature_auc: dict[str, float]
    export: ExportCheck

    @property
    def digest_of_manifest(self) -> Digest:
        """What a version with this content is named, whatever it says of itself."""
        return digest_of_value(
            {name: getattr(self, name) for name in ModelManifest.__struct_fields__}
        )


class ModelVersion(ModelManifest, frozen=True, kw_only=True):
    """A registered manifest.  Document kind `version`, key `<model>/<ordinal:06d>`.

    Args:
        digest: of its manifest: the same fit on the same rows is the same version.
        ordinal: 1 for the first of its model, without gaps.
        author: who had it made; somebody else must approve it.
    """

    digest: Digest
    ordinal: int
    project: ProjectName
    author: Actor
    registered_at: Micros
    reason: str

    @property
    def label(self) -> str:
        """What people call it: `late_arrival v3`."""
        return f"{self.model} v{self.ordinal}"

    @property
    def is_intact(self) -> bool:
        """Whether its content has the digest that it is named by."""
        return self.digest == self.digest_of_manifest


def manifest_of(trained: object, *, definition: Digest, card: Digest) -> ModelManifest:
    """The manifest of what a fit made: any record that has the fields of a manifest, training's
    `TrainedModel` being one.

    It is taken by its fields because the registry also holds models that were not trained here.
    """
    given = {
        name: getattr(trained, name)
        for name in ModelManifest.__struct_fields__
        if name not in ("definition", "card")
    }
    return msgspec.convert(
        {**given, "definition": definition, "card": card}, ModelManifest, from_attributes=True
    )


def version_of(
    manifest: ModelManifest,
    *,
    ordinal: int,
    project: ProjectName,
    author: Actor,
    registered_at: Micros,
    reason: str,
) -> ModelVersion:
    """The version with this content at this place."""
    content = {name: getattr(manifest, name) for name in ModelManifest.__struct_fields__}
    return ModelVersion(
        **content,
        digest=manifest.digest_of_manifest,
        ordinal=ordinal,
        project=project,
        author=author,
        registered_at=registered_at,
        reason=reason,
    )
