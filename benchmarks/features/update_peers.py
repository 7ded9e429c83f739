"""What a team writes for itself: read a customer's tiles from a key-value store, update them in
Python, write them back, commit each micro-batch.

The same twenty features come out of tiles of count, sum, largest, and newest with its time: twelve
tiles to a window, so a window's edge is a twelfth coarse.  MessagePack is msgspec's, which is
faster than the package of that name; reading and writing go by prepared statements and one
transaction.
"""

import sqlite3
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import lmdb
import msgspec
import polars as pl

from benchmarks.features.history import WINDOWS
from benchmarks.features.stores import BATCH

__all__ = ["Event", "LmdbTiles", "Said", "SqliteTiles", "Tiles", "batches_of", "said_by", "updated"]

Event = tuple[int, int, float]
"""Customer, event time, amount."""

Tile = list[int | float]
"""Number, count, sum, largest, time of the newest, newest."""

Row = list[list[Tile]]
"""Tiles by window, oldest first."""

_TILES = 12
_WIDTHS = tuple(span // _TILES for span in WINDOWS.values())
_MAP_BYTES = 1 << 32
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[list[list[int | float]]]).decode


class Said(NamedTuple):
    """What is known about a customer's last 30 days."""

    count: int
    total: float
    largest: float
    newest: float


class Tiles(Protocol):
    """Tiles in some store."""

    def update(self, batch: Sequence[Event]) -> None:
        """Apply a micro-batch and commit it."""
        ...

    def row(self, customer: int) -> Row:
        """What is kept of a customer."""
        ...

    def close(self) -> None:
        """Close the store."""
        ...


class SqliteTiles:
    """Rows in SQLite, write-ahead log, synchronous=NORMAL as in our store."""

    def __init__(self, room: Path) -> None:
        self._connection = sqlite3.connect(room / "tiles.db", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE tiles (customer INTEGER PRIMARY KEY, row BLOB NOT NULL)"
        )

    def update(self, batch: Sequence[Event]) -> None:
        """Apply a micro-batch and commit it."""
        execute, changed = self._connection.execute, []
        execute("BEGIN IMMEDIATE")
        for customer, events in _by_customer(batch).items():
            stored = execute("SELECT row FROM tiles WHERE customer = ?", (customer,)).fetchone()
            changed.append(
                (customer, _encode(updated(_decode(stored[0]) if stored else empty(), events)))
            )
        self._connection.executemany("INSERT OR REPLACE INTO tiles VALUES (?, ?)", changed)
        execute("COMMIT")

    def row(self, customer: int) -> Row:
        """What is kept of a customer."""
        stored = self._connection.execute(
            "SELECT row FROM tiles WHERE customer = ?", (customer,)
        ).fetchone()
        return _decode(stored[0]) if stored else empty()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


class LmdbTiles:
    """Rows in LMDB, metasync=False as in our store: a commit flushes its pages, and the page that
    makes them valid with the next one.
    """

    def __init__(self, room: Path) -> None:
        self._environment = lmdb.open(str(room / "tiles.lmdb"), map_size=_MAP_BYTES, metasync=False)

    def update(self, batch: Sequence[Event]) -> None:
        """Apply a micro-batch and commit it."""
        with self._environment.begin(write=True) as transaction:
            for customer, events in _by_customer(batch).items():
                key = struct.pack(">q", customer)
                stored = transaction.get(key)
                transaction.put(
                    key, _encode(updated(_decode(stored) if stored else empty(), events))
                )

    def row(self, customer: int) -> Row:
        """What is kept of a customer."""
        with self._environment.begin() as transaction:
            stored = transaction.get(struct.pack(">q", customer))
        return _decode(stored) if stored else empty()

    def close(self) -> None:
        """Close the environment."""
        self._environment.close()


def batches_of(records: pl.DataFrame) -> list[list[Event]]:
    """Micro-batches as Python has them."""
    return [
        frame.select("customer", "_event_time", "amount").rows()
        for frame in records.iter_slices(BATCH)
    ]


def empty() -> Row:
    """A customer of whom nothing is known."""
    return [[] for _ in _WIDTHS]


def updated(row: Row, events: Iterable[tuple[int, float]]) -> Row:
    """The row after these events, in the order of time; changed in place.

    >>> updated(empty(), [(0, 2.0), (1, 1.0)])[0]
    [[0, 2, 3.0, 2.0, 1, 1.0]]
    """
    for moment, amount in events:
        for width, tiles in zip(_WIDTHS, row, strict=True):
            number = moment // width
            if tiles and tiles[-1][0] == number:
                tile = tiles[-1]
                tile[1] += 1
                tile[2] += amount
                tile[3] = max(tile[3], amount)
                tile[4], tile[5] = moment, amount
            else:
                tiles.append([number, 1, amount, amount, moment, amount])
                # One more than the window has, since it ends inside the newest.
                del tiles[: -_TILES - 1]
    return row


def said_by(row: Row) -> Said:
    """What a row says about the longest window at its end."""
    tiles = row[-1]
    newest = max(tiles, key=lambda tile: tile[4])
    return Said(
        int(sum(tile[1] for tile in tiles)),
        sum(tile[2] for tile in tiles),
        max(tile[3] for tile in tiles),
        newest[5],
    )


def _by_customer(batch: Sequence[Event]) -> dict[int, list[tuple[int, float]]]:
    grouped: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for customer, moment, amount in batch:
        grouped[customer].append((moment, amount))
    return grouped
