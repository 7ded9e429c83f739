"""A segment of the raw log: the rows of one push or of one file, and how they came."""

import struct
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from mainspring.elements.events import Actor
from mainspring.elements.identity import Digest
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros

__all__ = [
    "BodyEncoding",
    "FileCopy",
    "Hits",
    "Operation",
    "RawSegment",
    "SegmentKind",
    "pack_hits",
    "unpack_hits",
]

Operation = Literal["insert", "replace", "delete", "upsert"]
"""What a row asks for.  `upsert` is what a file that is read again says: a row that it had before
with other values is replaced.
"""

BodyEncoding = Literal["json", "arrow", ""]
"""How the rows of a push are written; empty for what has none."""

SegmentKind = Literal["rows", "file", "hits", "refresh", "release", "drop"]

Hits = Mapping[int, Sequence[int]]
"""By the place of a correcting row in its segment, the raw offsets of what it took back."""

_PAIR = struct.Struct("<qq")


class FileCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was read, copied into the object store.

    Args:
        path: relative to the project where the declaration names it so.
        size_bytes, modified_ns: of the file then.
        digest: of its content.
        suffix: names its format.
        pieces: the objects that hold its bytes, in order.
        is_compressed: whether each piece is a gzip stream.
    """

    path: str
    size_bytes: int
    modified_ns: int
    digest: Digest
    suffix: str
    pieces: tuple[Digest, ...]
    is_compressed: bool


class RawSegment(StoredRecord, frozen=True, kw_only=True):
    """What one call brought.

    Args:
        kind: `rows` of a push, a `file`; `hits`, what rows of a file took back; `refresh`, from
            which on the earlier rows of a file count no more; `release` and `drop`, what became of
            rows in quarantine.
        start: the raw offset of its first row; `rows`: how many it has.
        size_bytes: of its rows as they came; `before_bytes`: of all segments before it.
        history: whether its facts are visible from their `known_at` on, and not only from the
            append.
        ahead: by how much the rows were written before their time, by a simulation.
        operation: of all rows; `operations`: of each, where they differ.
        encoding: of the body of pushed rows: `json` or `arrow`; empty where there is none.
        hits: packed: see `pack_hits`.
        rows_in_quarantine: the raw offsets that a release or a drop is about.
        paths: of the files or folders that a refresh is about.
        answered_by: the generation that decides which earlier rows those of a file take back.
        previous: the offset of the segment in which the same file was read before; None where it
            was not, or where those rows count no more.
    """

    title = "a segment of a raw log"

    kind: SegmentKind
    start: int
    rows: int
    size_bytes: int = 0
    before_bytes: int = 0
    appended_at: Micros
    actor: Actor
    environment: str = ""
    history: bool = False
    ahead: Micros = 0
    operation: Operation = "insert"
    operations: tuple[Operation, ...] = ()
    encoding: BodyEncoding = ""
    hits: bytes = b""
    rows_in_quarantine: tuple[int, ...] = ()
    paths: tuple[str, ...] = ()
    answered_by: str = ""
    previous: int | None = None
    file: FileCopy | None = None

    @property
    def end(self) -> int:
        """The raw offset after its last row."""
        return self.start + self.rows


def pack_hits(hits: Hits) -> bytes:
    """Pairs of a row's place and a raw offset, in order; `unpack_hits` is the inverse."""
    return b"".join(
        _PAIR.pack(place, offset) for place in sorted(hits) for offset in sorted(hits[place])
    )


def unpack_hits(payload: bytes) -> dict[int, list[int]]:
    """What `pack_hits` wrote.

    >>> unpack_hits(pack_hits({3: [7, 8], 1: [2]}))
    {1: [2], 3: [7, 8]}
    """
    found: dict[int, list[int]] = {}
    for place, offset in _PAIR.iter_unpack(payload):
        found.setdefault(place, []).append(offset)
    return found
