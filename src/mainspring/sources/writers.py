"""What takes rows of the sources of an environment in."""

from mainspring.ports.clock import Clock
from mainspring.ports.log import LogWriter
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.tables import TableReader
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.record import IngestJournal

__all__ = ["SourceWriters"]


class SourceWriters:
    """Opens what takes rows of a source in.  Pushes to one source are written together, whoever
    brings them.

    Args:
        clock: the time of the data.
    """

    def __init__(
        self, *, log: LogWriter, clock: Clock, objects: ObjectWriter, tables: TableReader
    ) -> None:
        self._log, self._clock, self._objects, self._tables = log, clock, objects, tables
        self._opened: dict[str, SourceWriter] = {}

    def open(self, compiled: CompiledSource, journal: IngestJournal) -> SourceWriter:
        """What takes rows of a source in, and records it in this journal."""
        name = compiled.source.name
        writer = self._opened.get(name)
        if writer is None or writer.compiled is not compiled:
            writer = self._opened[name] = SourceWriter(
                compiled,
                log=self._log,
                clock=self._clock,
                objects=self._objects,
                tables=self._tables,
            )
        return writer.recording(journal)
