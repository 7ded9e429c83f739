"""Which generations of its sources a workspace keeps current: those that the maps of any
environment name, and the maps before them that a rollback may restore.

Environments share a log, and a server of a protected one follows the generations of the others too,
whose maps nobody has signed.  So a definition is followed only where the generation that it writes
is named after it: no map leads a server to fold one generation by the rules of another.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mainspring.elements.errors import MainspringError
from mainspring.elements.schema import Schema
from mainspring.ports.log import LogWriter
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.ports.tables import TableReader
from mainspring.registry.environment import AssetPointer
from mainspring.registry.read_environment import iter_environments, read_environment
from mainspring.serving.loader import iter_retained_versions
from mainspring.serving.state.read import read_source_definition
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.generation import Generation
from mainspring.sources.spec import Source
from mainspring.sources.topic import log_of_stream

__all__ = ["SourceGenerations", "iter_retained_sources"]

_LOG = logging.getLogger("mainspring.stream")


def iter_retained_sources(state: StateReader) -> Iterator[AssetPointer]:
    """The sources of all maps that are kept current, each definition once."""
    found = {
        (pointer.asset, pointer.build_fingerprint): pointer
        for name in iter_environments(state)
        for version in iter_retained_versions(state, read_environment(state, name))
        for pointer in version.pointers.values()
        if pointer.kind == "source"
    }
    yield from found.values()


@dataclass(eq=False)
class SourceGenerations:
    """The generations that are kept current.

    Args:
        tables: where revisions find rows that the log has trimmed.
        is_named_after: whether a stored source is bound to the generation that its definition
            names; without it every one is taken to be.
    """

    state: StateReader
    log: LogWriter
    objects: ObjectReader
    tables: TableReader
    is_named_after: Callable[[Source, Schema], bool] = lambda *_: True
    _generations: dict[tuple[str, str], Generation | None] = field(default_factory=dict)

    def follow(self, log: str = "") -> None:
        """Bring them up to their raw logs.

        Args:
            log: the name of one raw log; default: all.

        Cost: two reads for a generation that has nothing to do.
        """
        for generation in self._kept():
            if not log or log_of_stream(generation.compiled.source.stream) == log:
                generation.follow()

    def run_due(self) -> None:
        """Bring them up to their raw logs, as a task of a server."""
        self.follow()

    def _kept(self) -> Iterator[Generation]:
        for pointer in iter_retained_sources(self.state):
            key = (pointer.asset, pointer.build_fingerprint)
            if key not in self._generations:
                self._generations[key] = self._opened(pointer)
            generation = self._generations[key]
            if generation is not None:
                yield generation

    def _opened(self, pointer: AssetPointer) -> Generation | None:
        """The generation of a source; None where release 0.1 applied it, or its definition is
        gone: then nothing can follow.
        """
        try:
            found = read_source_definition(pointer, state=self.state, objects=self.objects)
        except MainspringError:
            return None
        if found is None or not found.source.bound_stream:
            return None
        if not self.is_named_after(found.source, found.schema):
            _LOG.warning(
                "%s is not followed: its definition is not that of the generation %s",
                pointer.asset,
                found.source.stream,
            )
            return None
        return Generation(
            CompiledSource(found.source, found.schema),
            log=self.log,
            objects=self.objects,
            tables=self.tables,
        )
