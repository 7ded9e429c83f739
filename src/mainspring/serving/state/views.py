"""Which views an environment keeps current: those of its map, and of the maps before it that a
rollback may restore.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mainspring.datasets.definition import (
    compile_training_set_definition,
    compile_view_definition,
    parse_training_set_definition,
    parse_view_definition,
)
from mainspring.elements.errors import MainspringError
from mainspring.elements.identity import Digest
from mainspring.features.view import CompiledView, with_lookups
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.loader.load import Project
from mainspring.registry.environment import AssetPointer
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read import read_object, read_version
from mainspring.registry.read_environment import read_build, read_environment
from mainspring.serving.loader import iter_retained_versions

__all__ = ["ServedViews"]

_LOG = logging.getLogger("mainspring.stream")


@dataclass
class ServedViews:
    """The views of an environment that are kept current.

    A model brings its views as they were declared when it was taught, a view as it was declared
    when it was built: what the project's code says now is not asked, so that a process that started
    before an `apply` folds what it brought.
    """

    project: Project
    tools: Runtime
    environment: str
    _document: bytes | None = None
    _views: tuple[CompiledView, ...] = field(default=())
    _held: Mapping[str, CompiledView] = field(default_factory=dict)

    def read(self) -> tuple[CompiledView, ...]:
        """The views, those that others look keys up in first; the same objects while the map stands
        still.

        What cannot be read any more is told, and the others are kept.  Cost: one read of a
        document.
        """
        found = self.tools.state.get("environment", self.environment)
        document = found.payload if found else b""
        if document != self._document:
            current = read_environment(self.tools.state, self.environment)
            pointers = {
                pointer.asset + pointer.build_digest: pointer
                for past in iter_retained_versions(self.tools, current)
                for pointer in past.pointers.values()
            }
            views = {key: self._readable_views_of(pointer) for key, pointer in pointers.items()}
            self._views = with_lookups([view for found in views.values() for view in found])
            own = [pointer for pointer in current.pointers.values() if pointer.kind == "view"]
            self._held = {
                view.view.name: view
                for pointer in own
                for view in views[pointer.asset + pointer.build_digest]
            }
            self._document = document
        return self._views

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
        partitions = self.project.config.environments[self.environment].partitions
        match pointer.kind:
            case "model":
                version = read_version(self.tools.state, pointer.build_digest)
                definition = parse_training_set_definition(
                    read_object(self.tools.objects, version, "definition")
                )
                return compile_training_set_definition(definition, partitions=partitions).views
            case "view":
                build = read_build(self.tools.state, pointer.asset, pointer.build_fingerprint)
                stored = build.facts.get("definition") if build else None
                # A build of an earlier release has none; a model brings such a view.
                payload = self.tools.objects.read(Digest(str(stored))) if stored else None
                return (
                    [compile_view_definition(parse_view_definition(payload), partitions=partitions)]
                    if payload
                    else []
                )
            case _:
                return []
