"""Whether the files of sources were ever read."""

from collections.abc import Iterable

from mainspring.ports.log import LogReader
from mainspring.sources.errors import FileNotRead
from mainspring.sources.spec import Source
from mainspring.sources.topic import tally_topic_of

__all__ = ["require_imported"]


def require_imported(sources: Iterable[Source], log: LogReader) -> None:
    """Refuse to answer from a source whose file was not read: zeros would look like an answer.

    Raises: FileNotRead SRC-037.  Cost: a look at the head of a topic for each.
    """
    for source in sources:
        is_read = not source.bound_stream or log.head(tally_topic_of(source.stream)) > 0
        if source.path is not None and not is_read:
            raise FileNotRead(source=source.name, path=source.path, at=source.declared_at)
