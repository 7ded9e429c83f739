"""A model version: what a fit made, under the digest of everything that makes it what it is, and
the place it has among its kind.
"""

from typing import ClassVar, assert_never
from typing import Literal as OneOf

import msgspec

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest, digest_of, digest_of_value
from mainspring.elements.stored import FieldsByFormat, StoredRecord, content_of, render_stored
from mainspring.elements.time import Micros

__all__ = [
    "ExportCheck",
    "FitEnvironment",
    "ModelManifest",
    "ModelVersion",
    "VersionPart",
    "make_version",
]

VersionPart = OneOf["artifact", "encoding", "predictions", "training_set", "definition", "card"]
"""A part of a version that lies in the object store; `definition` and `card` are those of its
training set.
"""

_Parameter = str | int | float | bool | None


class FitEnvironment(msgspec.Struct, frozen=True):
    """Where a model was fitted: the interpreter, the machine, and the version of each distribution
    that its numbers depend on.

    Two environments with one digest promise equal bits of equal fits; a replay on another states
    its tolerance instead.
    """

    python: str
    system: str
    machine: str
    packages: dict[str, str]

    @property
    def digest(self) -> Digest:
        """What names this environment."""
        return digest_of_value(self)


class ExportCheck(msgspec.Struct, frozen=True):
    """Exported against native scores on the test rows: how many rows, how many differ in any bit,
    and by how much at most.
    """

    rows: int
    differing: int
    largest: float


class ModelManifest(StoredRecord, frozen=True, kw_only=True):
    """Everything that makes a version what it is, and nothing else: no time, no cost.

    Args:
        fingerprint: of the model's definition; `code`: of its code.
        artifact, encoding, predictions, training_set: stored objects; `definition` and `card`:
            those of the training set.
        metrics: on the test rows; `base_rate`: the mean label of the fitted rows, and the share of
            the most frequent class where it names one of several.
        author: who had it made, digested from format 3 on: an approval must be by somebody else, so
            whoever edits it makes another version.
        feature_auc: what each feature is worth alone; `feature_r2`: the same where the label is a
            number; `pair_power`: of pairs that are worth much more than either.
        classes: what the label may name, each with its share of the fitted rows; from format 4 on,
            which is that of models of several classes alone.
    """

    title = "a model version"
    document = "version"
    newest_format = 4
    fields_by_format: ClassVar[FieldsByFormat] = {
        1: (
            "model",
            "fingerprint",
            "code",
            "artifact",
            "format",
            "output",
            "encoding",
            "training_set",
            "definition",
            "card",
            "predictions",
            "environment",
            "seed",
            "params",
            "metrics",
            "base_rate",
            "fitted",
            "tested",
            "feature_auc",
            "export",
        ),
        2: (
            "record_format",
            "model",
            "fingerprint",
            "code",
            "artifact",
            "format",
            "output",
            "encoding",
            "training_set",
            "definition",
            "card",
            "predictions",
            "environment",
            "seed",
            "params",
            "metrics",
            "base_rate",
            "fitted",
            "tested",
            "feature_auc",
            "feature_r2",
            "pair_power",
            "export",
        ),
        3: (
            "record_format",
            "model",
            "fingerprint",
            "code",
            "artifact",
            "format",
            "output",
            "encoding",
            "training_set",
            "definition",
            "card",
            "predictions",
            "environment",
            "seed",
            "params",
            "metrics",
            "base_rate",
            "fitted",
            "tested",
            "feature_auc",
            "feature_r2",
            "pair_power",
            "export",
            "author",
        ),
        4: (
            "record_format",
            "model",
            "fingerprint",
            "code",
            "artifact",
            "format",
            "output",
            "encoding",
            "training_set",
            "definition",
            "card",
            "predictions",
            "environment",
            "seed",
            "params",
            "metrics",
            "base_rate",
            "fitted",
            "tested",
            "feature_auc",
            "feature_r2",
            "pair_power",
            "export",
            "author",
            "classes",
        ),
    }

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
    params: dict[str, _Parameter]
    metrics: dict[str, float]
    base_rate: float
    fitted: int
    tested: int
    feature_auc: dict[str, float]
    export: ExportCheck
    feature_r2: dict[str, float] | msgspec.UnsetType = msgspec.UNSET
    pair_power: dict[str, float] | msgspec.UnsetType = msgspec.UNSET
    author: Actor | msgspec.UnsetType = msgspec.UNSET
    classes: dict[str, float] | msgspec.UnsetType = msgspec.UNSET

    @property
    def class_rates(self) -> dict[str, float]:
        """The share of each class in the fitted rows; empty for a model of one score."""
        return {} if isinstance(self.classes, msgspec.UnsetType) else self.classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """What it gives a probability for each, sorted."""
        return tuple(sorted(self.class_rates))

    @property
    def r2_alone(self) -> dict[str, float]:
        """What each feature is worth alone, where the label is a number."""
        return {} if isinstance(self.feature_r2, msgspec.UnsetType) else self.feature_r2

    @property
    def power_of_pairs(self) -> dict[str, float]:
        """What the strongest pairs are worth, by AUC or R² as their features."""
        return {} if isinstance(self.pair_power, msgspec.UnsetType) else self.pair_power

    @property
    def digest_of_manifest(self) -> Digest:
        """What a version with this content is named, whatever it says of itself."""
        return digest_of_value(content_of(self))

    def digest_of_part(self, part: VersionPart) -> Digest:
        """The name of the object that holds a part."""
        match part:
            case "artifact":
                return self.artifact
            case "encoding":
                return self.encoding
            case "predictions":
                return self.predictions
            case "training_set":
                return self.training_set
            case "definition":
                return self.definition
            case "card":
                return self.card
            case _:
                assert_never(part)


class ModelVersion(ModelManifest, frozen=True, kw_only=True):
    """A registered manifest.  Document kind `version`, key `<model>/<ordinal:06d>`.

    Args:
        digest: of its manifest: the same fit on the same rows by the same author is the same
            version.
        ordinal: 1 for the first of its model, without gaps.
        author: who had it made; somebody else must approve it.
    """

    digest: Digest
    ordinal: int
    project: ProjectName
    author: Actor
    registered_at: Micros
    reason: str

    def is_filed_under(self, key: str) -> bool:
        """Whether the key ends with its ordinal; before that its model is, as first called."""
        return key.endswith(f"/{self.ordinal:06d}")

    @property
    def label(self) -> str:
        """What people call it: `late_arrival v3`."""
        return f"{self.model} v{self.ordinal}"

    @property
    def digest_of_record(self) -> Digest:
        """Names all that is on record of it: the manifest, its place, its author, and the rest."""
        return digest_of(render_stored(self))

    @property
    def is_intact(self) -> bool:
        """Whether its content has the digest that it is named by."""
        return self.digest == self.digest_of_manifest


def make_version(
    manifest: ModelManifest,
    *,
    ordinal: int,
    project: ProjectName,
    author: Actor,
    registered_at: Micros,
    reason: str,
) -> ModelVersion:
    """The version with this content at this place."""
    made = msgspec.structs.replace(manifest, author=author)
    return ModelVersion(
        **msgspec.structs.asdict(made),
        digest=made.digest_of_manifest,
        ordinal=ordinal,
        project=project,
        registered_at=registered_at,
        reason=reason,
    )
