"""Which views an environment keeps current: those of its map, and of the maps before it that a
rollback may restore.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mainspring.datasets.definition import (
    compile_training_set_definition,
    compile_view_definition,
)
from mainspring.elements.errors import MainspringError
from mainspring.features.view import CompiledView, with_lookups
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.environment import AssetPointer, EnvironmentVersion, empty_environment
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read_environment import read_environment
from mainspring.serving.loader import iter_retained_versions
from mainspring.serving.state.read import read_training_set_definition, read_view_definition

__all__ = ["ServedViews"]

_LOG = logging.getLogger("mainspring.stream")


@dataclass
class ServedViews:
    """The views of an environment that are kept current.

    A model brings its views as they were declared when it was trained, a view as it was declared
    when it was built: what the project's code says now is not asked, so that a process that started
    before an `apply` folds what it brought.

    Args:
        partitions: into how many parts their online state is divided.
    """

    state: StateReader
    objects: ObjectReader
    environment: str
    partitions: int = 1
    _document: bytes | None = None
    _version: EnvironmentVersion = field(default_factory=lambda: empty_environment(""))
    _views: tuple[CompiledView, ...] = field(default=())
    _held: Mapping[str, CompiledView] = field(default_factory=dict)

    def read(self) -> tuple[CompiledView, ...]:
        """The views, those that others look keys up in first; the same objects while the map stands
        still.

        What cannot be read any more is told, and the others are kept.  Cost: one read of a
        document.
        """
        found = self.state.get("environment", self.environment)
        document = found.payload if found else b""
        if document != self._document:
            current = read_environment(self.state, self.environment)
            pointers = {
                pointer.asset + pointer.build_digest: pointer
                for past in iter_retained_versions(self.state, current)
                for pointer in past.pointers.values()
            }
            views = {key: self._readable_views_of(pointer) for key, pointer in pointers.items()}
            own = [pointer for pointer in current.pointers.values() if pointer.kind == "view"]
            self._held = {
                view.view.name: view
                for pointer in own
                for view in views[pointer.asset + pointer.build_digest]
            }
            every = [view for found in views.values() for view in found]
            # The map's own once more, last: a model that was trained before a view was renamed
            # brings the same state by its old name.
            self._views = with_lookups([*every, *self._held.values()])
            # Last, since consumers in other threads take an equal document for the whole.
            self._version, self._document = current, document
        return self._views

    def version(self) -> EnvironmentVersion:
        """The map that the views are of."""
        self.read()
        return self._version

    def held(self) -> Mapping[str, CompiledView]:
        """The views of the map itself, by name; without those that cannot be read."""
        self.read()
        return self._held

    def named(self, names: Sequence[str]) -> tuple[CompiledView, ...]:
        """The kept views of these names, and those that they look keys up in.  Raises: UnknownAsset
        ACC-006.
        """
        views = self.read()
        for name in names:
            if not any(view.view.name == name for view in views):
                raise UnknownAsset(
                    kind="feature view",
                    name=name,
                    known=", ".join(sorted({view.view.name for view in views})) or "none",
                )
        return with_lookups([view for view in views if view.view.name in names])

    def _readable_views_of(self, pointer: AssetPointer) -> Sequence[CompiledView]:
        try:
            return self._views_of(pointer)
        except MainspringError as error:
            _LOG.warning("what %s reads is not kept current: %s", pointer.asset, error)
            return ()

    def _views_of(self, pointer: AssetPointer) -> Sequence[CompiledView]:
        match pointer.kind:
            case "model":
                definition = read_training_set_definition(
                    pointer, state=self.state, objects=self.objects
                )
                return compile_training_set_definition(definition, partitions=self.partitions).views
            case "view":
                view = read_view_definition(pointer, state=self.state, objects=self.objects)
                if view is None:
                    return []
                return [compile_view_definition(view, partitions=self.partitions)]
            case _:
                return []
