"""What can go wrong with versions and their artifacts."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError, DeclarationError, RegistryError

__all__ = [
    "ArtifactChanged",
    "BuildMissing",
    "BusyRegistry",
    "DefinitionMissing",
    "DefinitionTampered",
    "EnvironmentMoved",
    "TrainingSetNotBuilt",
    "UnknownAsset",
    "UnknownVersion",
    "VersionChanged",
]


@dataclass(eq=False, kw_only=True)
class UnknownVersion(RegistryError):
    """A model version was not found.  A version is named by its digest (at least twelve hexadecimal
    digits), by model and number as `late_arrival@v3`, or by the model alone for the newest one.
    """

    code: ClassVar[str] = "REG-001"
    template: ClassVar[str] = "there is no version {reference!r}; there are: {known}"
    remedy: ClassVar[str] = "name one of them, or run `mainspring apply` to make one"
    reference: str
    known: str


@dataclass(eq=False, kw_only=True)
class ArtifactChanged(RegistryError):
    """The stored bytes of an artifact are not those that were registered.

    Objects are named by the digest of their content, so this means damage or tampering.  Nothing in
    such an object can be trusted.
    """

    code: ClassVar[str] = "REG-002"
    template: ClassVar[str] = (
        "the {part} of {version} was changed: object {expected} now has the digest {found}"
    )
    remedy: ClassVar[str] = (
        "restore the object from a backup, or train again; find out who could write to the "
        "object store"
    )
    version: str
    part: str
    expected: str
    found: str


@dataclass(eq=False, kw_only=True)
class BusyRegistry(RegistryError):
    """A model version could not be registered, because other processes registered versions of the
    same model at the same time, in every attempt.
    """

    code: ClassVar[str] = "REG-003"
    template: ClassVar[str] = "could not register a version of {model!r} in {attempts} attempts"
    remedy: ClassVar[str] = "apply again"
    model: str
    attempts: int


@dataclass(eq=False, kw_only=True)
class VersionChanged(RegistryError):
    """The record of a version does not have the digest that it is stored under: the state database
    was edited.
    """

    code: ClassVar[str] = "REG-004"
    template: ClassVar[str] = (
        "the record of {version} was changed: it is stored under {expected}, but its content "
        "has the digest {found}"
    )
    remedy: ClassVar[str] = "restore the state database from a backup, or train again"
    version: str
    expected: str
    found: str


@dataclass(eq=False, kw_only=True)
class UnknownAsset(AccessError):
    """The project, or the environment, has no asset of this name."""

    code: ClassVar[str] = "ACC-006"
    template: ClassVar[str] = "there is no {kind} {name!r}; there are: {known}"
    remedy: ClassVar[str] = (
        "check the name; `mainspring status` lists endpoints and sources, and `mainspring "
        "features` the feature views"
    )
    kind: str
    name: str
    known: str


@dataclass(eq=False, kw_only=True)
class EnvironmentMoved(RegistryError):
    """Somebody else moved the environment after it was read, so a decision based on that version is
    out of date.
    """

    code: ClassVar[str] = "REG-007"
    template: ClassVar[str] = (
        "{environment} is at version {found}, moved by {by}, not at {expected}"
    )
    remedy: ClassVar[str] = "read its present version and decide again"
    environment: str
    expected: int
    found: int
    by: str


@dataclass(eq=False, kw_only=True)
class DefinitionMissing(RegistryError):
    """The definition of an asset in an environment is not stored, so it is not known which gates it
    has to pass.
    """

    code: ClassVar[str] = "REG-006"
    template: ClassVar[str] = "the definition of {asset} in {environment} is not stored"
    remedy: ClassVar[str] = "apply the project again, or restore the state from a backup"
    asset: str
    environment: str


@dataclass(eq=False, kw_only=True)
class BuildMissing(RegistryError):
    """The record of a build is gone that a plan says is there: somebody removed it from the state
    database.
    """

    code: ClassVar[str] = "REG-009"
    template: ClassVar[str] = "the record of how {asset} was built is not stored"
    remedy: ClassVar[str] = "apply the project again, or restore the state from a backup"
    asset: str


@dataclass(eq=False, kw_only=True)
class DefinitionTampered(RegistryError):
    """The stored definition of an asset does not have the policy fingerprint that its environment
    names: somebody edited the state database.  Verdicts by what it says now would be signed as
    verdicts of another policy.
    """

    code: ClassVar[str] = "REG-008"
    template: ClassVar[str] = "the definition of {asset} in {environment} was changed"
    remedy: ClassVar[str] = "restore the state database from a backup, or apply the project again"
    asset: str
    environment: str


@dataclass(eq=False, kw_only=True)
class TrainingSetNotBuilt(DeclarationError):
    """A training set is declared, and the environment holds no rows of it yet.  Rows are built by
    `apply`.
    """

    code: ClassVar[str] = "PRJ-090"
    template: ClassVar[str] = "the training set {name} is not built in {environment}"
    remedy: ClassVar[str] = "run `mainspring apply`, then ask again"
    name: str
    environment: str
