"""The sources of a workspace, ready to take rows in."""

import logging
from collections.abc import Callable, Mapping

from mainspring.elements.errors import DeclarationError
from mainspring.elements.events import Actor
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.loader.compile import compile_declared_sources
from mainspring.project.loader.load import Project
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read_environment import read_environment
from mainspring.serving.state.read import read_applied_sources
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import IngestJournal, SourceWriter

__all__ = ["compile_sources", "open_writer"]

_LOG = logging.getLogger("mainspring")


def compile_sources(
    load: Callable[[], Project], runtime: Runtime, environment: str
) -> dict[str, CompiledSource]:
    """The declared sources by name; where the project does not load, those that the environment's
    models and views read, as they were applied.

    Raises: ProjectErrors PRJ-020 where the environment has none either.
    """
    try:
        return compile_declared_sources(load())
    except DeclarationError as error:
        # Facts that are refused are lost, while a mistake in a file is mended tomorrow: a server
        # goes on by the contracts that were applied.
        current = read_environment(runtime.state, environment)
        held = read_applied_sources(current, state=runtime.state, objects=runtime.objects)
        if not held:
            raise
        _LOG.warning("facts are taken in as %s holds their sources: %s", environment, error)
    return {name: CompiledSource(source, schema) for name, (source, schema) in held.items()}


def open_writer(
    name: str,
    sources: Mapping[str, CompiledSource],
    runtime: Runtime,
    *,
    environment: str,
    actor: Actor,
) -> SourceWriter:
    """What takes rows of a source in, and records it in the actor's name.  Raises: UnknownAsset
    ACC-006.
    """
    if name not in sources:
        raise UnknownAsset(kind="source", name=name, known=", ".join(sources))
    return SourceWriter(
        sources[name],
        log=runtime.log,
        clock=runtime.data_clock,
        tables=runtime.tables,
        journal=IngestJournal(runtime.state, runtime.project, environment, actor, runtime.clock),
    )
