"""Load a project: its settings, declarations, the schemas of its sources, and the graph with its
fingerprints; every mistake at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from mainspring.elements.errors import MainspringError, SourceError
from mainspring.elements.schema import Schema
from mainspring.features import SEMANTICS_VERSION
from mainspring.project.code.packages import installed_version
from mainspring.project.code.read_inputs import read_inputs
from mainspring.project.config.config import ProjectConfig, default_config
from mainspring.project.config.read import read_config
from mainspring.project.kinds.asset import AssetOrigin, FingerprintContext
from mainspring.project.loader.bind import bind_declarations
from mainspring.project.loader.declarations import Declarations
from mainspring.project.loader.discover import (
    discover,
    from_definitions,
    refuse_from_within,
)
from mainspring.project.loader.graph import Graph, build_graph
from mainspring.project.loader.origins import resolve_origins
from mainspring.project.loader.resolve import resolve_feature_sets
from mainspring.project.loader.validate import validate
from mainspring.registry.errors import UnknownAsset
from mainspring.sources.contract import effective_schema
from mainspring.sources.files import read_schema
from mainspring.sources.spec import Source
from mainspring.training.environment import observe_environment

__all__ = [
    "LoadableProject",
    "Project",
    "UnloadedProject",
    "declared_source",
    "load_definitions",
    "load_project",
]


class LoadableProject(Protocol):
    """The settings of a project, and what it declares once that is needed."""

    @property
    def config(self) -> ProjectConfig:
        """Its settings."""
        ...

    def load(self) -> "Project":
        """The project with its declarations.  Raises: ProjectErrors PRJ-020 with every mistake."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Project:
    """A valid project.

    Args:
        path: its folder or file; None when it lives in memory only.
        schemas: the columns of each source by name, as its contract and its file say.
    """

    path: Path | None
    config: ProjectConfig
    declarations: Declarations
    schemas: Mapping[str, Schema]
    graph: Graph
    context: FingerprintContext

    def load(self) -> "Project":
        """Itself."""
        return self

    def with_origins(self, recorded: Mapping[str, AssetOrigin]) -> "Project":
        """The project with what is on record of its assets: the same where that is nothing.

        Raises: ProjectErrors PRJ-020 where two assets would have one history, or one asset two.
        """
        origins = resolve_origins(self.declarations.assets, recorded)
        if origins == dict(self.context.origins):
            return self
        context = replace(self.context, origins=origins)
        declarations = bind_declarations(self.declarations, context)
        return replace(
            self,
            declarations=declarations,
            graph=build_graph(declarations, context),
            context=context,
        )


@dataclass(frozen=True, eq=False)
class UnloadedProject:
    """A project on disk of which only `project.toml` was read.

    Whoever serves, restores or audits what an environment holds needs no more, and must not depend
    on the project's modules and data files: they are imported by `load` and not before.
    """

    path: Path
    config: ProjectConfig

    @classmethod
    def open(cls, path: Path) -> "UnloadedProject":
        """The project at a folder or file.  Raises: ProjectErrors PRJ-020 with every fault of its
        settings, ProjectMissing PRJ-021 where there is no project, OpensItself PRJ-046 from a
        module of the project itself.
        """
        refuse_from_within(path)
        return cls(path, read_config(path))

    def load(self) -> Project:
        """The project with its declarations.  Raises: ProjectErrors PRJ-020 with every mistake.
        Cost: one import of its modules, and the heads of its files.
        """
        return _project(self.path, self.config, discover(self.path))


def load_project(path: Path) -> Project:
    """Load the project at a folder or file.  Raises: ProjectErrors PRJ-020 with every
    mistake. Cost: one import of its modules, and the heads of its files.
    """
    return UnloadedProject.open(path).load()


def load_definitions(definitions: Iterable[object], *, name: str = "memory") -> Project:
    """The project of these declarations.  Raises: ProjectErrors PRJ-020 with every
    mistake.
    """
    return _project(None, default_config(name), from_definitions(definitions))


def _project(path: Path | None, config: ProjectConfig, declarations: Declarations) -> Project:
    declarations = resolve_feature_sets(declarations)
    schemas, unreadable = _read_schemas(declarations)
    inputs = read_inputs(
        Path(declarations.root), {path for model in declarations.models for path in model.inputs}
    )
    validate(declarations, schemas, unreadable=unreadable, inputs=inputs)
    context = FingerprintContext(
        semantics=SEMANTICS_VERSION,
        schemas=schemas,
        origins=resolve_origins(declarations.assets, {}),
        training_environment=observe_environment(_nothing).digest,
        version_of=installed_version,
        inputs=inputs,
    )
    declarations = bind_declarations(declarations, context)
    return Project(
        path=path,
        config=config,
        declarations=declarations,
        schemas=schemas,
        graph=build_graph(declarations, context),
        context=context,
    )


def declared_source(project: Project, name: str) -> Source:
    """The source of this name.  Raises: UnknownAsset ACC-006."""
    for source in project.declarations.sources:
        if source.name == name:
            return source
    known = ", ".join(source.name for source in project.declarations.sources)
    raise UnknownAsset(kind="source", name=name, known=known)


def _read_schemas(declarations: Declarations) -> tuple[dict[str, Schema], dict[str, str]]:
    """The columns of each readable source, and why the others cannot be read."""
    schemas: dict[str, Schema] = {}
    unreadable: dict[str, str] = {}
    for source in declarations.sources:
        try:
            schemas[source.name] = effective_schema(
                source, read_schema(source, Path(declarations.root))
            )
        except SourceError as error:
            unreadable[source.name] = error.message
        except MainspringError:
            # A contract that does not fit its file; `validate` tells it with every other fault of
            # the source.
            schemas[source.name] = read_schema(source, Path(declarations.root))
    return schemas, unreadable


def _nothing(*_: object) -> None:
    """A fit that imports nothing: what is observed of it are the packages that every fit goes
    through.
    """
