"""Which views an environment keeps current: those of its map, and of the maps before it that a rollback may restore."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mainspring.app.errors import UnknownAsset
from mainspring.app.revisions import iter_recent_maps
from mainspring.datasets.definition import compile_definition, parse_definition
from mainspring.features.view import CompiledView, with_lookups
from mainspring.project.definition import compile_declared
from mainspring.project.environment import AssetPointer
from mainspring.project.load import Project
from mainspring.project.read import read_environment
from mainspring.project.tools import Tools
from mainspring.registry.read import read_object, read_version

__all__ = ["KeptViews"]


@dataclass
class KeptViews:
    """The views of an environment that are kept current.

    A model brings its views as they were declared when it was taught; a view that no model reads is kept while the project declares it as the map has it.
    """

    project: Project
    tools: Tools
    environment: str
    _document: bytes | None = None
    _views: tuple[CompiledView, ...] = field(default=())

    def read(self) -> tuple[CompiledView, ...]:
        """The views, those that others look keys up in first; the same objects while the map stands still.

        Cost: one read of a document.  Raises: ENG-002, ENG-003, REG-002 when what a model was declared as is gone or damaged.
        """
        found = self.tools.state.get("environment", self.environment)
        document = found.payload if found else b""
        if document != self._document:
            current = read_environment(self.tools.state, self.environment)
            pointers = [pointer for past in iter_recent_maps(self.tools, current) for pointer in past.pointers.values()]
            self._views = with_lookups([view for pointer in pointers for view in self._views_of(pointer)])
            self._document = document
        return self._views

    def named(self, names: Sequence[str]) -> tuple[CompiledView, ...]:
        """The kept views of these names, and those that they look keys up in.  Raises: ACC-006."""
        views = self.read()
        for name in names:
            if not any(view.view.name == name for view in views):
                raise UnknownAsset(kind="feature view", name=name, known=", ".join(sorted({view.view.name for view in views})) or "none")
        return with_lookups([view for view in views if view.view.name in names])

    def _views_of(self, pointer: AssetPointer) -> Iterator[CompiledView]:
        partitions = self.project.config.environments[self.environment].partitions
        if pointer.kind == "model":
            version = read_version(self.tools.state, pointer.build_digest)
            definition = parse_definition(read_object(self.tools.objects, version, "definition"))
            yield from compile_definition(definition, partitions=partitions).views
        for view in self.project.declarations.views if pointer.kind == "view" else ():
            declared = self.project.graph.assets[f"view.{view.name}"]
            if (declared.name, declared.build_fingerprint) == (pointer.asset, pointer.build_fingerprint):
                yield compile_declared(self.project, view, partitions=partitions)
