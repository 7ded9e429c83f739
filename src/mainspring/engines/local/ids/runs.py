"""Sorted runs of hashes and offsets in pages of a SQLite file, in the transaction of the log.

Of a run's page, its first hash stands in the run's row (a fence), and the page holds how much
larger each hash is, and each offset, in as few bytes as the run needs: about eight bytes an id.
Runs in files of their own were rejected: a backup, a restore and a crash would each have to bring
two stores together, and what a file saves is one copy through the write-ahead log.
"""

import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mainspring.engines.local.ids.hashes import Hashes
from mainspring.ports.errors import StoreDamaged

__all__ = ["RUN_SCHEMA", "Entries", "IdRuns", "Offsets"]

Offsets = npt.NDArray[np.int64]

RUN_SCHEMA = """
CREATE TABLE IF NOT EXISTS id_runs (run INTEGER PRIMARY KEY, number INTEGER NOT NULL,
    entries INTEGER NOT NULL, hash_bytes INTEGER NOT NULL, offset_bytes INTEGER NOT NULL,
    fences BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS id_runs_of_topics ON id_runs (number);
CREATE TABLE IF NOT EXISTS id_pages (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);
"""
_PAGE = 400
"""Entries of a page: with eight bytes for each it fits into a page of SQLite's."""
_PAGE_BITS = 24
_RUN_BITS = 38
_RATIO = 2
"""A run is merged with those after it that are no smaller than its half together."""
_CACHE_BYTES = 256 * 1024 * 1024


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

    @property
    def pages(self) -> int:
        return -(-self.entries // _PAGE)

    @property
    def first_place(self) -> int:
        return self.run << _PAGE_BITS


class IdRuns:
    """The runs of all topics of one file.

    A process remembers the hashes of runs that it has read whole, up to 256 MB; since the name of a
    run is random and a run never changes, what is remembered is never wrong.
    """

    def __init__(self, *, cache_bytes: int = _CACHE_BYTES) -> None:
        self._cache: OrderedDict[int, Hashes] = OrderedDict()
        self._cache_bytes, self._lock = cache_bytes, Lock()

    def add(self, connection: sqlite3.Connection, number: int, entries: Entries) -> None:
        """Add entries of a topic, merged with what is not much larger."""
        if entries.hashes.size == 0:
            return
        runs, merged = _runs_of(connection, number), []
        total = entries.hashes.size
        while runs and runs[-1].entries <= _RATIO * total:
            total += runs[-1].entries
            merged.append(runs.pop())
        if merged:
            parts = [self._entries(connection, run) for run in reversed(merged)]
            entries = _merged([*parts, entries])
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
            known = self._known(connection, run, wanted=hashes.size)
            if known is None:
                found = self._search_pages(connection, run, hashes)
            else:
                found = self._search(connection, run, known, hashes)
            places.append(found[0])
            offsets.append(found[1])
        return np.concatenate(places), np.concatenate(offsets)

    def _known(self, connection: sqlite3.Connection, run: _Run, *, wanted: int) -> Hashes | None:
        """All hashes of a run, where they are remembered or so many are asked for that nearly every
        page would be read.
        """
        with self._lock:
            found = self._cache.get(run.run)
            if found is not None:
                self._cache.move_to_end(run.run)
                return found
        if wanted < run.pages:
            return None
        hashes = self._entries(connection, run).hashes
        self._remember(run.run, hashes)
        return hashes

    def _remember(self, run: int, hashes: Hashes) -> None:
        with self._lock:
            self._cache[run] = hashes
            while sum(each.nbytes for each in self._cache.values()) > self._cache_bytes:
                self._cache.popitem(last=False)

    def _search(
        self, connection: sqlite3.Connection, run: _Run, known: Hashes, hashes: Hashes
    ) -> tuple[Offsets, Offsets]:
        first = np.searchsorted(known, hashes)
        hits = np.flatnonzero(known[np.minimum(first, known.size - 1)] == hashes)
        if hits.size == 0:
            return hits, hits
        after = np.searchsorted(known, hashes[hits], side="right")
        counts = after - first[hits]
        at = np.repeat(first[hits] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        return np.repeat(hits, counts), self._offsets_at(connection, run, at)

    def _offsets_at(self, connection: sqlite3.Connection, run: _Run, at: Offsets) -> Offsets:
        """The offsets of some entries of a run, by their places in it."""
        offsets = np.empty(at.size, np.int64)
        pages = at // _PAGE
        for page in np.unique(pages):
            chosen = np.flatnonzero(pages == page) if at.size < _PAGE else _equal(pages, page)
            held = _read_page(connection, run, int(page))
            offsets[chosen] = _offsets_of(run, held)[at[chosen] - page * _PAGE]
        return offsets

    def _search_pages(
        self, connection: sqlite3.Connection, run: _Run, hashes: Hashes
    ) -> tuple[Offsets, Offsets]:
        """As `_search`, reading no page but those in which the hashes may lie."""
        fences = _fences(connection, run)
        # A hash that several pages hold begins in the one before the first that it begins.
        first = np.maximum(np.searchsorted(fences, hashes) - 1, 0)
        last = np.searchsorted(fences, hashes, side="right") - 1
        places, offsets = list[int](), list[int]()
        for place, hash_ in enumerate(hashes):
            for page in range(int(first[place]), int(last[place]) + 1):
                held = _read_page(connection, run, page)
                own = _hashes_of(run, held) + fences[page]
                low, high = (int(np.searchsorted(own, hash_, side=s)) for s in ("left", "right"))
                if low < high:
                    offsets += _offsets_of(run, held)[low:high].tolist()
                    places += [place] * (high - low)
        return np.array(places, dtype=np.int64), np.array(offsets, dtype=np.int64)

    def _entries(self, connection: sqlite3.Connection, run: _Run) -> Entries:
        """All entries of a run."""
        with self._lock:
            known = self._cache.get(run.run)
        pages = [
            blob
            for (blob,) in connection.execute(
                "SELECT entries FROM id_pages WHERE place BETWEEN ? AND ? ORDER BY place",
                (run.first_place, run.first_place + run.pages - 1),
            )
        ]
        fences = _fences(connection, run)
        for page, blob in enumerate(pages):
            _require_page(run, page, blob)
        if len(pages) != run.pages:
            raise _damaged(run)
        rows = np.frombuffer(b"".join(pages), dtype=np.uint8)
        whole, width = run.pages - 1, run.hash_bytes + run.offset_bytes
        parts = [(rows[: whole * _PAGE * width], whole), (rows[whole * _PAGE * width :], 1)]
        tables = [data.reshape(count, -1) for data, count in parts if data.size]
        cuts = [table.shape[1] // width * run.hash_bytes for table in tables]
        offsets = np.concatenate(
            [
                _widened(table[:, cut:].reshape(-1, run.offset_bytes)).view(np.int64)
                for table, cut in zip(tables, cuts, strict=True)
            ]
        )
        if known is not None:
            return Entries(known, offsets)
        hashes = np.concatenate(
            [
                _widened(table[:, :cut].reshape(-1, run.hash_bytes))
                for table, cut in zip(tables, cuts, strict=True)
            ]
        )
        hashes += np.repeat(fences, _PAGE)[: run.entries]
        return Entries(hashes, offsets)


def _merged(parts: Sequence[Entries]) -> Entries:
    """The entries of several runs as one.

    Sorted is one array, of hashes with the number of their run below them: that is ten times as
    fast as to sort the places of two, and as the order within a run stays, its offsets follow.
    """
    bits = np.uint64((len(parts) - 1).bit_length())
    keys = np.concatenate(
        [part.hashes << bits | np.uint64(number) for number, part in enumerate(parts)]
    )
    keys.sort(kind="stable")
    numbers = (keys & np.uint64((1 << int(bits)) - 1)).astype(np.uint8)
    offsets = np.empty(keys.size, np.int64)
    for number, part in enumerate(parts):
        offsets[numbers == number] = part.offsets
    return Entries(keys >> bits, offsets)


def _equal(sorted_pages: Offsets, page: int) -> slice:
    """Where a page stands among pages in order."""
    return slice(
        int(np.searchsorted(sorted_pages, page)),
        int(np.searchsorted(sorted_pages, page, side="right")),
    )


def _runs_of(connection: sqlite3.Connection, number: int) -> list[_Run]:
    """The runs of a topic, the largest first."""
    rows = connection.execute(
        "SELECT run, entries, hash_bytes, offset_bytes FROM id_runs WHERE number = ?", (number,)
    )
    found = []
    for row in rows:
        if not all(isinstance(value, int) and value >= 0 for value in row):
            raise StoreDamaged(store="the index of ids", reason="a run has no size")
        found.append(_Run(*row))
    return sorted(found, key=lambda run: -run.entries)


def _write(connection: sqlite3.Connection, number: int, entries: Entries) -> int:
    """Write a run; its name."""
    size = entries.hashes.size
    pages = -(-size // _PAGE)
    padded = np.concatenate((entries.hashes, np.repeat(entries.hashes[-1:], pages * _PAGE - size)))
    table = padded.reshape(pages, _PAGE)
    fences = table[:, 0].copy()
    grown = (table - fences[:, None]).reshape(-1)[:size]
    hash_bytes, offset_bytes = (_bytes_for(int(each.max())) for each in (grown, entries.offsets))
    hashes = _narrowed(grown, hash_bytes)
    offsets = _narrowed(entries.offsets.view(np.uint64), offset_bytes)
    run = secrets.randbits(_RUN_BITS)
    connection.execute(
        "INSERT INTO id_runs VALUES (?, ?, ?, ?, ?, ?)",
        (run, number, size, hash_bytes, offset_bytes, fences.astype("<u8").tobytes()),
    )
    connection.executemany(
        "INSERT INTO id_pages VALUES (?, ?)",
        (
            (
                (run << _PAGE_BITS) + page,
                hashes[page * _PAGE * hash_bytes : (page + 1) * _PAGE * hash_bytes]
                + offsets[page * _PAGE * offset_bytes : (page + 1) * _PAGE * offset_bytes],
            )
            for page in range(pages)
        ),
    )
    return run


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
    _require_page(run, page, blob)
    assert isinstance(blob, bytes)
    return blob


def _require_page(run: _Run, page: int, blob: object) -> None:
    """Raises: StoreDamaged ENG-010 for a page that has not the size that its run says."""
    entries = min(_PAGE, run.entries - page * _PAGE)
    width = run.hash_bytes + run.offset_bytes
    if not isinstance(blob, bytes) or len(blob) != entries * width:
        raise _damaged(run)


def _hashes_of(run: _Run, page: bytes) -> Hashes:
    cut = len(page) // (run.hash_bytes + run.offset_bytes) * run.hash_bytes
    return _widened(np.frombuffer(page[:cut], np.uint8).reshape(-1, run.hash_bytes))


def _offsets_of(run: _Run, page: bytes) -> Offsets:
    cut = len(page) // (run.hash_bytes + run.offset_bytes) * run.hash_bytes
    rows = np.frombuffer(page[cut:], np.uint8).reshape(-1, run.offset_bytes)
    return _widened(rows).view(np.int64)


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
