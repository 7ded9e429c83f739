"""How far the journal has seen the log of a source: the heads of its topics, and which segments of
its raw log have an entry.

A push is in the log before it is in the journal, and the two are different stores: a crash in
between leaves rows without an entry.  So the document that moves with each entry, in one
transaction, says up to which segment there are entries; whoever comes next finds what is missing
and writes it, once.
"""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from mainspring.elements.stored import StoredRecord, parse_document, render_stored
from mainspring.elements.time import Micros
from mainspring.ports.log import IdentifiedLog, LogReader
from mainspring.ports.state import Change, Document, StateReader
from mainspring.sources.topic import raw_topic_of

__all__ = ["JournaledSource", "identity_of", "iter_begun", "iter_journaled", "read_journaled"]

_JOURNALED = "journaled"


class JournaledRows(StoredRecord, frozen=True, kw_only=True):
    """What the journal has seen of a source.  Document kind `journaled`, key
    `<identity of the log>/<source's log>`.

    Args:
        heads: by topic, how many records it had; of the raw log, up to which segment there are
            entries.
        missing: the segments below that which have no entry yet, and since when that is known:
            whoever wrote one may be about to write its entry.
    """

    title = "what the journal has seen of a source"
    document = _JOURNALED

    heads: dict[str, int]
    missing: tuple[tuple[int, Micros], ...] = ()


class JournaledSource(msgspec.Struct, frozen=True, kw_only=True):
    """The same with its place; version 0 where nothing was noted yet."""

    key: str
    version: int
    rows: JournaledRows

    @property
    def heads(self) -> Mapping[str, int]:
        """By topic, how many records it had."""
        return self.rows.heads

    @property
    def missing(self) -> Mapping[int, Micros]:
        """The segments without an entry, and since when that is known."""
        return dict(self.rows.missing)

    def moved(self, heads: Mapping[str, int], missing: Mapping[int, Micros]) -> Change:
        """The change to other heads, none of them lower, refused where another was faster."""
        higher = {
            topic: max(head, self.heads.get(topic, 0))
            for topic, head in {**self.heads, **heads}.items()
        }
        rows = JournaledRows(heads=higher, missing=tuple(sorted(missing.items())))
        return Change(_JOURNALED, self.key, render_stored(rows), self.version)

    def cut_to(self, log: LogReader) -> "JournaledSource":
        """The same with heads that the log has."""
        heads = {topic: min(head, log.head(topic)) for topic, head in self.heads.items()}
        return msgspec.structs.replace(self, rows=JournaledRows(heads=heads))

    def change(self) -> Change:
        """The change to what this says."""
        return Change(_JOURNALED, self.key, render_stored(self.rows))


def identity_of(log: LogReader) -> str:
    """What the facts of a log are known by; empty for one without an identity."""
    return log.identities()["facts"] if isinstance(log, IdentifiedLog) else ""


def read_journaled(state: StateReader, log: LogReader, name: str) -> JournaledSource:
    """What the journal has seen of a source, by the name of its raw log."""
    key = f"{identity_of(log)}/{name}"
    found = state.get(_JOURNALED, key)
    return _parsed(found or Document(key, 0, render_stored(JournaledRows(heads={}))))


def iter_journaled(state: StateReader, identity: str) -> Iterator[JournaledSource]:
    """What the journal has seen of every source of a log."""
    return map(_parsed, state.iter_documents(_JOURNALED, f"{identity}/"))


def iter_begun(log: LogReader, *, but: Collection[str]) -> Iterator[Change]:
    """What takes all that a log holds now as seen, but for the documents of these keys."""
    prefix, identity = raw_topic_of(""), identity_of(log)
    for topic in log.topics():
        key = f"{identity}/{topic.removeprefix(prefix)}"
        if topic.startswith(prefix) and key not in but:
            rows = JournaledRows(heads={topic: log.head(topic)})
            yield Change(_JOURNALED, key, render_stored(rows))


def _parsed(document: Document) -> JournaledSource:
    rows = parse_document(document, JournaledRows)
    return JournaledSource(key=document.key, version=document.version, rows=rows)
