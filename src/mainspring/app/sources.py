"""The sources of a workspace, ready to take rows in."""

import logging
from collections.abc import Callable, Mapping

from mainspring.elements.errors import DeclarationError
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.loader.compile import compile_declared_sources
from mainspring.project.loader.load import Project
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read_environment import read_environment
from mainspring.serving.state.read import read_applied_sources
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import IngestJournal, SourceWriter
from mainspring.sources.spec import Source
from mainspring.sources.topic import log_of_stream
from mainspring.sources.writers import SourceWriters

__all__ = ["compile_sources", "find_present", "open_writer"]

_LOG = logging.getLogger("mainspring")


def compile_sources(
    load: Callable[[], Project], runtime: Runtime, environment: str
) -> dict[str, CompiledSource]:
    """The sources that take rows in, by name: each as the environment's map has it, or as it is
    declared where the map has it not.

    Raises: ProjectErrors PRJ-020 where the project does not load and the environment has none.
    """
    current = read_environment(runtime.state, environment)
    applied = read_applied_sources(current, state=runtime.state, objects=runtime.objects)
    held = {name: CompiledSource(source, schema) for name, (source, schema) in applied.items()}
    try:
        return compile_declared_sources(load()) | held
    except DeclarationError as error:
        # Rows that are refused are lost, while a mistake in a file is mended tomorrow: a server
        # goes on by what was applied.
        if not held:
            raise
        _LOG.warning("rows are taken in as %s has their sources: %s", environment, error)
    return held


def open_writer(
    name: str,
    sources: Mapping[str, CompiledSource],
    writers: SourceWriters,
    journal: IngestJournal,
) -> SourceWriter:
    """What takes rows of a source in, and records it.  Raises: UnknownAsset ACC-006."""
    if name not in sources:
        raise UnknownAsset(kind="source", name=name, known=", ".join(sources))
    return writers.open(sources[name], journal)


def find_present(source: Source, sources: Mapping[str, CompiledSource]) -> CompiledSource:
    """What takes the rows of a source in now, whatever it was called when the source was bound.

    Args:
        sources: as of `compile_sources`.

    Raises: UnknownAsset ACC-006 where none is filed in its log.
    """
    log = log_of_stream(source.stream)
    filed = [each for each in sources.values() if log_of_stream(each.source.stream) == log]
    # Where a rename is declared and not applied, the log has two names: the map's stands last.
    same = next((each for each in filed if each.source.name == source.name), None)
    if not filed:
        raise UnknownAsset(kind="source", name=source.name, known=", ".join(sources))
    return same or filed[-1]
