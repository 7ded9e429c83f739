"""Declarations that are assets, and an asset: a declaration in its place in the graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import ClassVar, NamedTuple, Protocol, TypeGuard

from mainspring.elements.errors import Location
from mainspring.elements.identity import Digest
from mainspring.elements.schema import Schema
from mainspring.registry.environment import AssetDefinition

__all__ = [
    "Asset",
    "AssetOrigin",
    "Declaration",
    "FaultScope",
    "FingerprintContext",
    "NoFiles",
    "ProjectCode",
    "ProjectFiles",
    "SourceText",
    "VersionOf",
    "is_declaration",
]


class Declaration(Protocol):
    """A declaration that is an asset: something that is built, answers or watches.

    Entities are none: they only name keys and belong to the views that use them.
    """

    POLICY: ClassVar[frozenset[str]]
    """The fields that ask for new verdicts only; a change of any other rebuilds."""

    @property
    def name(self) -> str:
        """The declared name, unique within the kind."""
        ...

    @property
    def declared_at(self) -> Location:
        """The user's line."""
        ...


def is_declaration(value: object) -> TypeGuard[Declaration]:
    """Whether a value is a declaration that is an asset; judged by its class, since a stand-in made
    for tests has every attribute.
    """
    return isinstance(getattr(type(value), "POLICY", None), frozenset)


class SourceText(NamedTuple):
    """The text of a module that was not imported."""

    path: str
    text: str
    is_package: bool


class ProjectFiles(Protocol):
    """The files of a project, for what its imported modules do not show."""

    def module(self, name: str) -> SourceText | None:
        """A module of the project, not necessarily imported."""
        ...

    def is_file(self, path: str) -> bool:
        """Whether there is a file at this path, relative to the project or absolute."""
        ...

    def text(self, path: str) -> str | None:
        """The text of one of the project's own Python files, at an absolute path."""
        ...


class NoFiles:
    """The files of declarations that live in memory only: none."""

    def module(self, name: str) -> SourceText | None:
        """None."""
        del name
        return None

    def is_file(self, path: str) -> bool:
        """False."""
        del path
        return False

    def text(self, path: str) -> str | None:
        """None."""
        del path
        return None


@dataclass(frozen=True)
class ProjectCode:
    """The project's own code, for fingerprints.

    Args:
        modules: its modules by the name under which they were imported.
        texts: the text of each file, by the path that functions carry.
        root: the folder that they lie in; "" in memory.
        files: what was not imported.
    """

    modules: Mapping[str, ModuleType] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    root: str = ""
    files: ProjectFiles = field(default_factory=NoFiles)

    def text_of(self, module: ModuleType) -> str:
        """The text of an imported module; "" where it has none."""
        return self.texts.get(vars(module).get("__file__") or "", "")

    def owns(self, module: str) -> bool:
        """Whether a module of this name was imported from the project; a folder without
        `__init__.py` too.
        """
        return module in self._owned

    @cached_property
    def _owned(self) -> frozenset[str]:
        parts = [name.split(".") for name in self.modules]
        return frozenset(".".join(each[: i + 1]) for each in parts for i in range(len(each)))


VersionOf = Callable[[str], str]
"""The version of an installed package, by the name that it is imported under."""


def _no_version(package: str) -> str:
    del package
    return ""


@dataclass(frozen=True)
class AssetOrigin:
    """What is on record of a declared asset beside its definition.

    Args:
        name: what it was first declared as: its facts, versions and state are filed by that.
        refreshes: of a source, how often the rows of its file were superseded.
    """

    name: str
    refreshes: int = 0


@dataclass(frozen=True, kw_only=True)
class FingerprintContext:
    """What identity depends on beside the declaration itself.

    Args:
        semantics: the version of what the kernel's outcomes mean; raised when the same definition
            would give other values.
        schemas: the columns of each source, by its declared name.
        training_environment: a digest of the locked packages that a fit runs with.
        version_of: the version of a package that fits import.
        code: the project's own.
        origins: by asset, what is on record of it.
        inputs: the digest of each declared input of a fit, by its path as declared.
    """

    semantics: int
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    training_environment: str = ""
    version_of: VersionOf = _no_version
    code: ProjectCode = field(default_factory=ProjectCode)
    origins: Mapping[str, AssetOrigin] = field(default_factory=dict)
    inputs: Mapping[str, Digest] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FaultScope:
    """What a declaration is checked against.

    Args:
        root: the project's folder; "" in memory.
        schemas: the columns of each source, by its declared name; of a source that has none here,
            columns are not checked.
        unreadable: why the file of a source cannot be read, by the source's name.
        code: the project's own.
        inputs: the declared inputs of fits that can be read, as in `FingerprintContext`.
        declared: the names of all assets.
    """

    root: str = ""
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    code: ProjectCode = field(default_factory=ProjectCode)
    inputs: Mapping[str, Digest] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, eq=False)
class Asset:
    """A declaration in its place in the graph.

    Args:
        parents: the names of the assets that it is made from.
        at: where it is declared; relative to the project where it lies within.
        is_assumed: it, or a source that it rests on, has an assumed `known_at`.
        unseen: what its outcome may depend on and its fingerprint does not cover, in words.
    """

    name: str
    kind: str
    declaration: Declaration
    parents: tuple[str, ...]
    definition: AssetDefinition
    build_fingerprint: Digest
    policy_fingerprint: Digest
    at: Location
    is_assumed: bool
    unseen: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """What it was first called: its facts, versions and state are filed by that."""
        return self.definition.asset.partition(".")[2]
