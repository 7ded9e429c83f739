"""Sorted runs of hashes and offsets in pages of a SQLite file, in the transaction of the log.

Of a run's page, its first hash stands in the run's row (a fence), and the page holds how much
larger each hash is, and each offset, in as few bytes as the run needs: about eight bytes an id.
Runs in files of their own were rejected: a backup, a restore and a crash would each have to bring
two stores together, and what a file saves is one copy through the write-ahead log.
"""

import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mainspring.engines.local.ids.hashes import HASH_BITS, Hashes
from mainspring.ports.errors import StoreDamaged

__all__ = ["RUN_SCHEMA", "Entries", "IdRuns", "Offsets"]

Offsets = npt.NDArray[np.int64]
Prefixes = npt.NDArray[np.uint32]

RUN_SCHEMA = """
CREATE TABLE IF NOT EXISTS id_runs (run INTEGER PRIMARY KEY, number INTEGER NOT NULL,
    entries INTEGER NOT NULL, hash_bytes INTEGER NOT NULL, offset_bytes INTEGER NOT NULL,
    fences BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS id_runs_of_topics ON id_runs (number);
CREATE TABLE IF NOT EXISTS id_pages (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);
"""
_PAGE_BYTES = 4_040
"""What fits into a page of SQLite's."""
_PAGE_BITS = 24
_RUN_BITS = 38
_RATIO = 2
"""A run is merged with those after it that are no smaller than its half together."""
_LARGEST = 1 << 23
"""Entries of a run that is not merged any more: a merge needs 40 bytes of memory for each."""
_PAGES_AT_ONCE = 2_500
_CACHE_BYTES = 512 * 1024 * 1024
_PREFIX = np.uint64(HASH_BITS - 32)
_FEW = 64
_CACHED_FENCES = 256
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


class Entries(NamedTuple):
    """Hashes in ascending order, and the offset of each."""

    hashes: Hashes
    offsets: Offsets

    @classmethod
    def of(cls, hashes: Hashes, offsets: Offsets) -> "Entries":
        """Hashes and offsets that are in no order."""
        order = np.argsort(hashes)
        return cls(hashes[order], offsets[order])


@dataclass(frozen=True)
class _Run:
    run: int
    entries: int
    hash_bytes: int
    offset_bytes: int
    page: int
    """Entries of a page."""

    @property
    def width(self) -> int:
        return self.hash_bytes + self.offset_bytes

    @property
    def pages(self) -> int:
        return -(-self.entries // self.page)

    @property
    def first_place(self) -> int:
        return self.run << _PAGE_BITS


class IdRuns:
    """The runs of all topics of one file.

    A process remembers the first 32 bits of the hashes of runs that it has read whole, up to
    512 MB; since the name of a run is random and a run never changes, what is remembered is never
    wrong.
    """

    def __init__(self, *, cache_bytes: int = _CACHE_BYTES) -> None:
        self._cache: OrderedDict[int, Prefixes] = OrderedDict()
        self._fences: OrderedDict[int, Hashes] = OrderedDict()
        self._cache_bytes, self._lock = cache_bytes, Lock()

    def add(self, connection: sqlite3.Connection, number: int, entries: Entries) -> None:
        """Add entries of a topic, merged with what is not much larger."""
        if entries.hashes.size == 0:
            return
        runs, merged = _runs_of(connection, number), []
        total = entries.hashes.size
        while runs and runs[-1].entries <= min(_RATIO * total, _LARGEST - total):
            total += runs[-1].entries
            merged.append(runs.pop())
        if merged:
            entries = _merged([*(_entries(connection, run) for run in merged), entries])
        for run in merged:
            connection.execute("DELETE FROM id_runs WHERE run = ?", (run.run,))
            connection.execute(
                "DELETE FROM id_pages WHERE place BETWEEN ? AND ?",
                (run.first_place, run.first_place + run.pages - 1),
            )
        self._remember(_write(connection, number, entries), entries.hashes)

    def candidates(
        self, connection: sqlite3.Connection, number: int, hashes: Hashes
    ) -> tuple[Offsets, Offsets]:
        """Where records with these hashes lie: places in `hashes`, and an offset for each.

        Args:
            hashes: in ascending order.

        Cost: 0.1 µs a hash and run where many are asked for, 20 µs where one is.
        """
        places, offsets = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for run in _runs_of(connection, number):
            asked = self._possible(connection, run, hashes)
            if asked.size > max(run.pages // 4, _FEW):
                found = _search(_entries(connection, run), hashes[asked])
            else:
                fences = self._fences_of(connection, run) if asked.size else hashes[:0]
                found = _search_pages(connection, run, fences, hashes[asked])
            places.append(asked[found[0]])
            offsets.append(found[1])
        return np.concatenate(places), np.concatenate(offsets)

    def _possible(self, connection: sqlite3.Connection, run: _Run, hashes: Hashes) -> Offsets:
        """The places of those hashes that the run may hold; all of them where so few are asked for
        that it is cheaper to look.
        """
        with self._lock:
            known = self._cache.get(run.run)
            if known is not None:
                self._cache.move_to_end(run.run)
        if known is None:
            if hashes.size < run.pages:
                return np.arange(hashes.size)
            known = self._remember(run.run, _entries(connection, run).hashes)
        wanted = (hashes >> _PREFIX).astype(np.uint32)
        first = np.searchsorted(known, wanted)
        return np.flatnonzero(known[np.minimum(first, known.size - 1)] == wanted)

    def _fences_of(self, connection: sqlite3.Connection, run: _Run) -> Hashes:
        with self._lock:
            found = self._fences.get(run.run)
        if found is None:
            found = _fences(connection, run)
            with self._lock:
                self._fences[run.run] = found
                while len(self._fences) > _CACHED_FENCES:
                    self._fences.popitem(last=False)
        return found

    def _remember(self, run: int, hashes: Hashes) -> Prefixes:
        prefixes = (hashes >> _PREFIX).astype(np.uint32)
        with self._lock:
            self._cache[run] = prefixes
            while sum(each.nbytes for each in self._cache.values()) > self._cache_bytes:
                self._cache.popitem(last=False)
        return prefixes


def _search(entries: Entries, hashes: Hashes) -> tuple[Offsets, Offsets]:
    """As `IdRuns.candidates`, in one run."""
    first = np.searchsorted(entries.hashes, hashes)
    counts = np.searchsorted(entries.hashes, hashes, side="right") - first
    at = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    return np.repeat(np.arange(hashes.size), counts), entries.offsets[at]


def _search_pages(
    connection: sqlite3.Connection, run: _Run, fences: Hashes, hashes: Hashes
) -> tuple[Offsets, Offsets]:
    """As `_search`, reading no page but those in which the hashes may lie."""
    places, offsets = list[int](), list[int]()
    # A hash that several pages hold begins in the one before the first that it begins.
    first = np.maximum(np.searchsorted(fences, hashes) - 1, 0)
    last = np.searchsorted(fences, hashes, side="right") - 1
    for place, hash_ in enumerate(hashes):
        for page in range(int(first[place]), int(last[place]) + 1):
            grown, held = _decoded(run, _read_page(connection, run, page))
            own = grown + fences[page]
            low, high = (int(np.searchsorted(own, hash_, side=side)) for side in _SIDES)
            offsets += held[low:high].tolist()
            places += [place] * (high - low)
    return np.array(places, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _entries(connection: sqlite3.Connection, run: _Run) -> Entries:
    """All entries of a run."""
    hashes, offsets = np.empty(run.entries, np.uint64), np.empty(run.entries, np.int64)
    fences, page, at = _fences(connection, run), 0, 0
    cursor = connection.execute(
        "SELECT entries FROM id_pages WHERE place BETWEEN ? AND ? ORDER BY place",
        (run.first_place, run.first_place + run.pages - 1),
    )
    while rows := cursor.fetchmany(_PAGES_AT_ONCE):
        blobs = [blob for (blob,) in rows]
        _require_pages(run, page, blobs)
        # The last page of a run may be shorter than the others.
        whole = blobs if page + len(blobs) < run.pages else blobs[:-1]
        for pages in filter(None, (whole, blobs[len(whole) :])):
            grown, held = _decoded(run, b"".join(pages), pages=len(pages))
            own = fences[page : page + len(pages)]
            hashes[at : at + grown.size] = grown + np.repeat(own, grown.size // len(pages))
            offsets[at : at + grown.size] = held
            page, at = page + len(pages), at + grown.size
    if page != run.pages:
        raise _damaged(run)
    return Entries(hashes, offsets)


def _merged(parts: Sequence[Entries]) -> Entries:
    """The entries of several runs as one.

    Sorted is one array, of hashes with the number of their run below them: that is ten times as
    fast as to sort the places of two, and as the order within a run stays, its offsets follow.
    """
    bits = np.uint64((len(parts) - 1).bit_length())
    keys = np.concatenate([part.hashes for part in parts])
    keys <<= bits
    at = 0
    for number, part in enumerate(parts):
        keys[at : at + part.hashes.size] |= np.uint64(number)
        at += part.hashes.size
    keys.sort(kind="stable")
    numbers = (keys & np.uint64((1 << int(bits)) - 1)).astype(np.uint8)
    keys >>= bits
    offsets = np.empty(keys.size, np.int64)
    for number, part in enumerate(parts):
        offsets[numbers == number] = part.offsets
    return Entries(keys, offsets)


def _runs_of(connection: sqlite3.Connection, number: int) -> list[_Run]:
    """The runs of a topic, the largest first."""
    rows = connection.execute(
        "SELECT run, id_runs.entries, hash_bytes, offset_bytes, LENGTH(id_pages.entries) FROM "
        f"id_runs LEFT JOIN id_pages ON place = run << {_PAGE_BITS} WHERE number = ?",
        (number,),
    )
    found = []
    for row in rows:
        if not all(isinstance(value, int) and value > 0 for value in row[1:]):
            raise StoreDamaged(store="the index of ids", reason="a run has no size")
        run = _Run(*row)
        # All pages but the last are as full as the first.
        found.append(replace(run, page=max(run.page // run.width, 1)))
    return sorted(found, key=lambda run: -run.entries)


def _write(connection: sqlite3.Connection, number: int, entries: Entries) -> int:
    """Write a run; its name."""
    run = _run_for(entries)
    fences = entries.hashes[:: run.page]
    connection.execute(
        "INSERT INTO id_runs VALUES (?, ?, ?, ?, ?, ?)",
        (
            run.run,
            number,
            run.entries,
            run.hash_bytes,
            run.offset_bytes,
            fences.astype("<u8").tobytes(),
        ),
    )
    for page in range(0, run.pages, _PAGES_AT_ONCE):
        connection.executemany(
            "INSERT INTO id_pages VALUES (?, ?)", _encoded(run, entries, first=page)
        )
    return run.run


def _run_for(entries: Entries) -> _Run:
    """A run that will hold these, with as many on a page as fit there."""
    hashes, offset_bytes = entries.hashes, _bytes_for(int(entries.offsets.max()))
    for hash_bytes in range(1, 9):
        page = _PAGE_BYTES // (hash_bytes + offset_bytes)
        fences = hashes[::page]
        lasts = np.append(hashes[page - 1 : -1 : page], hashes[-1])[: fences.size]
        if _bytes_for(int((lasts - fences).max())) <= hash_bytes:
            name = secrets.randbits(_RUN_BITS)
            return _Run(name, hashes.size, hash_bytes, offset_bytes, page)
    raise AssertionError("a hash has eight bytes")


def _encoded(run: _Run, entries: Entries, *, first: int) -> Iterator[tuple[int, bytes]]:
    """Some pages of a run from one on: their places and bytes."""
    rows = slice(first * run.page, (first + _PAGES_AT_ONCE) * run.page)
    own = entries.hashes[rows]
    grown = own - np.repeat(own[:: run.page], run.page)[: own.size]
    hashes = _narrowed(grown, run.hash_bytes)
    offsets = _narrowed(entries.offsets[rows].view(np.uint64), run.offset_bytes)
    for page in range(-(-own.size // run.page)):
        of_page = (
            column[page * run.page * width : (page + 1) * run.page * width]
            for column, width in ((hashes, run.hash_bytes), (offsets, run.offset_bytes))
        )
        yield run.first_place + first + page, b"".join(of_page)


def _fences(connection: sqlite3.Connection, run: _Run) -> Hashes:
    row = connection.execute("SELECT fences FROM id_runs WHERE run = ?", (run.run,)).fetchone()
    if row is None or not isinstance(row[0], bytes) or len(row[0]) != 8 * run.pages:
        raise _damaged(run)
    return np.frombuffer(row[0], dtype=np.dtype("<u8"))


def _read_page(connection: sqlite3.Connection, run: _Run, page: int) -> bytes:
    row = connection.execute(
        "SELECT entries FROM id_pages WHERE place = ?", (run.first_place + page,)
    ).fetchone()
    blob = row[0] if row else None
    _require_pages(run, page, [blob])
    assert isinstance(blob, bytes)
    return blob


def _require_pages(run: _Run, first: int, blobs: Sequence[object]) -> None:
    """Raises: StoreDamaged ENG-010 for pages from one on that have not the size that their run
    says.
    """
    entries = [run.page] * (len(blobs) - 1)
    entries.append(min(run.page, run.entries - (first + len(blobs) - 1) * run.page))
    sizes = [len(blob) if isinstance(blob, bytes) else -1 for blob in blobs]
    if sizes != [count * run.width for count in entries]:
        raise _damaged(run)


def _decoded(run: _Run, blobs: bytes, *, pages: int = 1) -> tuple[Hashes, Offsets]:
    """How much larger than the first of its page each hash is, and each offset, of pages of one
    size.
    """
    table = np.frombuffer(blobs, np.uint8).reshape(pages, -1)
    cut = table.shape[1] // run.width * run.hash_bytes
    hashes = _widened(table[:, :cut].reshape(-1, run.hash_bytes))
    return hashes, _widened(table[:, cut:].reshape(-1, run.offset_bytes)).view(np.int64)


def _bytes_for(largest: int) -> int:
    return max((largest.bit_length() + 7) // 8, 1)


def _narrowed(numbers: Hashes, width: int) -> bytes:
    """The lower bytes of numbers, least first."""
    rows = numbers.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(rows[:, :width]).tobytes()


def _widened(rows: npt.NDArray[np.uint8]) -> Hashes:
    """The inverse of `_narrowed`, of rows of bytes."""
    whole = np.zeros((rows.shape[0], 8), np.uint8)
    whole[:, : rows.shape[1]] = rows
    return whole.view(np.dtype("<u8")).reshape(-1).astype(np.uint64, copy=False)


def _damaged(run: _Run) -> StoreDamaged:
    return StoreDamaged(store="the index of ids", reason=f"run {run.run} is not whole")
