"""What is on record of a raw log: which files were read, and how often they were superseded."""

from mainspring.elements.stored import parse_document, render_stored
from mainspring.ports.state import Change, StateReader, StateWriter
from mainspring.registry.environment import AssetRecord

__all__ = ["read_source_record", "write_source_record"]


def read_source_record(state: StateReader, log: str) -> AssetRecord:
    """What is on record of a raw log, by its name: what its source was first called.  A source that
    was renamed shares it with its former names.
    """
    document = state.get("asset", _key(log))
    if document is None:
        return AssetRecord(origin=log)
    return parse_document(document, AssetRecord)


def write_source_record(state: StateWriter, log: str, record: AssetRecord) -> None:
    """Put it on record."""
    state.commit([Change("asset", _key(log), render_stored(record))], [])


def _key(log: str) -> str:
    return f"source.{log}"
