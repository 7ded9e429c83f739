"""The newest record of each id of a topic.

Three levels, in the order in which ids move through them:

- `recent_ids`: ids of small appends, a row each, with all that `find` answers;
- stretches of numbers that count up (`ranges`), and runs of hashes (`runs`) of all others: of the
  records that have one of theirs, what `find` answers stands in the frame of the log, and is read
  there;
- `trimmed_ids`: what `find` answers for records whose frames were trimmed, in columns.

`identities` is the index of the first two formats of a workspace: it is read where it lies, and
maintenance makes runs of it, except of what had been trimmed.

An id that was written twice may stand in several levels; the highest offset counts.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import repeat
from threading import Lock
from typing import NamedTuple

import numpy as np
import polars as pl

from mainspring.elements.content import with_content
from mainspring.engines.local.frames import (
    BatchExtent,
    damaged_log,
    extent_of,
    frame_from_stream,
)
from mainspring.engines.local.ids.hashes import HASH_BITS, IdHasher
from mainspring.engines.local.ids.ranges import (
    RANGE_SCHEMA,
    IdRange,
    add_ranges,
    candidates_of_ranges,
    has_ranges,
    ranges_of,
)
from mainspring.engines.local.ids.runs import RUN_SCHEMA, Entries, IdRuns
from mainspring.engines.local.ids.trimmed import (
    EXACT,
    EXACT_SCHEMA,
    TRIMMED_SCHEMA,
    TopicBounds,
    read_trimmed,
    write_trimmed,
)
from mainspring.engines.local.streams import fetch_streams
from mainspring.ports.log import Identity, PackedRecord

__all__ = [
    "INDEX_SCHEMA",
    "IdIndex",
    "PreparedIds",
    "TopicBounds",
    "has_earlier_ids",
    "prepared_ids_of_packed",
]

_ROWS = """(
    number INTEGER NOT NULL, id TEXT NOT NULL, offset INTEGER NOT NULL, content BLOB,
        visible_at INTEGER NOT NULL, stands INTEGER NOT NULL,
    PRIMARY KEY (number, id)
) WITHOUT ROWID;
"""
INDEX_SCHEMA = f"""
{RUN_SCHEMA}
{RANGE_SCHEMA}
CREATE TABLE IF NOT EXISTS identities {_ROWS}
CREATE TABLE IF NOT EXISTS recent_ids {_ROWS}
CREATE TABLE IF NOT EXISTS id_levels (number INTEGER PRIMARY KEY, recent INTEGER NOT NULL,
    exact_from INTEGER NOT NULL);
{TRIMMED_SCHEMA}
"""
_WORTH_A_RUN = 4_096
_RECENT = 65_536
_IDS_PER_QUERY = 512
_FEW_IDS = 4 * _IDS_PER_QUERY
_ROWS_AT_ONCE = 262_144
_CACHED_BYTES = 64 * 1024 * 1024
_ANSWER = ("_id", "_content", "_visible_at", "_op")


_Rows = tuple[Sequence[str], Sequence[int], Sequence[bytes], Sequence[int], Sequence[str]]


class PreparedIds(NamedTuple):
    """The ids of records that will be appended, in one of three forms; made before the lock is
    taken.

    Args:
        size: of how many records.
        ranges: stretches, with places in the frame.
        entries: hashes, and places in the frame.
        rows: by id: ids, places, contents, visible times and operations.
    """

    size: int
    ranges: Sequence[IdRange] = ()
    entries: Entries | None = None
    rows: _Rows = ((), (), (), (), ())


def prepared_ids_of_packed(records: Sequence[PackedRecord]) -> PreparedIds:
    """The ids of packed records; they come by few, and so go to rows."""
    size = len(records)
    rows = (
        [record.id for record in records],
        range(size),
        [record.content for record in records],
        [record.at for record in records],
        ["insert"] * size,
    )
    return PreparedIds(size, rows=rows)


class IdIndex:
    """The index of one file of the log.  Its methods work in the caller's transaction.

    Args:
        bits: of a hash; few make collisions, for tests.
        worth_a_run: how many records of an append have a run of their own.
        recent: how many ids of a topic may stand in rows.
    """

    def __init__(
        self, *, bits: int = HASH_BITS, worth_a_run: int = _WORTH_A_RUN, recent: int = _RECENT
    ) -> None:
        self._bits, self._worth_a_run, self._recent = bits, worth_a_run, recent
        self._runs = IdRuns()
        self._frames: OrderedDict[tuple[int, BatchExtent], pl.DataFrame] = OrderedDict()
        self._lock = Lock()

    def prepare(self, frame: pl.DataFrame, secret: Callable[[], str]) -> PreparedIds:
        """The ids of a frame that will be appended.

        Args:
            secret: gives what its file is known by, which hashes of ids depend on.
        """
        if frame.height >= self._worth_a_run:
            if ranges := ranges_of(frame["_id"]):
                return PreparedIds(frame.height, ranges)
            hashes = IdHasher(secret(), bits=self._bits).hashes(frame["_id"])
            entries = Entries.of(hashes, np.arange(frame.height, dtype=np.int64))
            return PreparedIds(frame.height, entries=entries)
        frame = with_content(frame)
        ids = frame["_id"].to_list()
        # Sorted, so that the tree of ids is written from left to right.  The sort is stable: of two
        # revisions of one id the later row comes last and stays.
        order = sorted(range(frame.height), key=ids.__getitem__)
        contents, times, ops = (
            [column[row] for row in order]
            for column in (frame[name].to_list() for name in ("_content", "_visible_at", "_op"))
        )
        rows = ([ids[row] for row in order], order, contents, times, ops)
        return PreparedIds(frame.height, rows=rows)

    def add(self, connection: sqlite3.Connection, topic: TopicBounds, ids: PreparedIds) -> None:
        """Take in what is appended at the head."""
        if ids.ranges:
            add_ranges(connection, topic.number, ids.ranges, head=topic.head)
        elif ids.entries is not None:
            hashes = ids.entries.hashes
            entries = Entries(hashes, ids.entries.offsets + topic.head)
            self._runs.add(connection, topic.number, entries)
        else:
            self._add_rows(connection, topic, ids)
            return
        # A last piece of such an append may be as small as what stands in rows.
        _set_exact_from(connection, topic.number, topic.head + ids.size)

    def _add_rows(
        self, connection: sqlite3.Connection, topic: TopicBounds, ids: PreparedIds
    ) -> None:
        names, places, contents, times, ops = ids.rows
        connection.executemany(
            "INSERT OR REPLACE INTO recent_ids VALUES (?, ?, ?, ?, ?, ? = 'insert')",
            zip(
                repeat(topic.number),
                names,
                (topic.head + place for place in places),
                contents,
                times,
                ops,
                strict=False,
            ),
        )
        [count] = connection.execute(
            "INSERT INTO id_levels VALUES (?, ?, 0) ON CONFLICT DO UPDATE SET recent = recent + "
            "excluded.recent RETURNING recent",
            (topic.number, len(names)),
        ).fetchone()
        if count >= self._recent:
            self._make_run(connection, topic._replace(head=topic.head + len(names)))

    def find(
        self, connection: sqlite3.Connection, topic: TopicBounds, ids: Sequence[str]
    ) -> dict[str, Identity]:
        """The newest record of each of these ids."""
        found = _find_rows(
            connection, "recent_ids", topic.number, _recent_of(connection, topic.number, ids)
        )
        for name, identity in _find_rows(connection, "identities", topic.number, ids).items():
            if name not in found or found[name].offset < identity.offset:
                found[name] = identity
        names = pl.Series(ids, dtype=pl.String).drop_nulls().unique()
        if names.len():
            candidates = pl.concat(self._candidates(connection, topic, names))
            if candidates.height:
                self._resolve(connection, topic, candidates, found)
        return found

    def _candidates(
        self, connection: sqlite3.Connection, topic: TopicBounds, names: pl.Series
    ) -> list[pl.DataFrame]:
        """`id` and `_offset` of records that may be those of these ids, which are distinct."""
        frames = [pl.DataFrame(schema={"id": pl.String, "_offset": pl.Int64})]
        is_counted, is_hashed = has_ranges(connection, topic.number), _has_runs(connection, topic)
        if not (is_counted or is_hashed) and _exact_from(connection, topic.number):
            # Without them, what came before would be taken for new.
            raise damaged_log(topic.name, "the runs of its ids are missing")
        if is_counted:
            frames.append(candidates_of_ranges(connection, topic.number, names))
        if is_hashed:
            hashes = self._hasher(connection).hashes(names)
            order = np.argsort(hashes)
            places, offsets = self._runs.candidates(connection, topic.number, hashes[order])
            frames.append(pl.DataFrame({"id": names[order[places]], "_offset": offsets}))
        return frames

    def keep_trimmed(
        self, connection: sqlite3.Connection, topic: TopicBounds, batches: Sequence[BatchExtent]
    ) -> None:
        """Keep what `find` answers of batches whose frames will be removed in this transaction."""
        exact_from = _exact_from(connection, topic.number)
        frames = [
            # Not from memory: what this transaction appended is not certain yet.
            with_content(_answers_of(connection, topic, batch)).select(EXACT)
            for batch in batches
            # Those of others stand in rows, or are superseded there.
            if batch.start < exact_from or batch.rows >= self._worth_a_run
        ]
        if frames:
            write_trimmed(connection, topic, pl.concat(frames))

    def take_over(
        self, connection: sqlite3.Connection, topic: TopicBounds, *, after: str | None
    ) -> str | None:
        """Make a run of some ids of an earlier format; the last of them in their order, None where
        there are no more.

        Args:
            after: go on behind this id; None from the first.
        """
        rows = connection.execute(
            "SELECT id, offset FROM identities WHERE number = ? AND id > ? ORDER BY id LIMIT ?",
            (topic.number, after or "", _ROWS_AT_ONCE),
        ).fetchall()
        if not rows:
            return None
        frame = pl.DataFrame(rows, schema={"_id": pl.String, "_offset": pl.Int64}, orient="row")
        kept = frame.filter(pl.col("_offset") >= topic.first)
        self._add_run(connection, topic, kept)
        connection.execute(
            "DELETE FROM identities WHERE number = ? AND id > ? AND id <= ? AND offset >= ?",
            (topic.number, after or "", rows[-1][0], topic.first),
        )
        if kept.height:
            _set_exact_from(connection, topic.number, topic.head)
        return str(rows[-1][0])

    def _make_run(self, connection: sqlite3.Connection, topic: TopicBounds) -> None:
        """Make a run of what stands in rows."""
        rows = connection.execute(
            "SELECT id, offset, content, visible_at, stands FROM recent_ids WHERE number = ?",
            (topic.number,),
        ).fetchall()
        frame = pl.DataFrame(
            rows, schema=EXACT_SCHEMA | {"_stands": pl.Int64()}, orient="row"
        ).with_columns(pl.col("_stands").cast(pl.Boolean))
        trimmed = frame.filter(pl.col("_offset") < topic.first)
        if trimmed.height:
            write_trimmed(connection, topic, trimmed)
        self._add_run(connection, topic, frame)
        connection.execute("DELETE FROM recent_ids WHERE number = ?", (topic.number,))
        connection.execute("UPDATE id_levels SET recent = 0 WHERE number = ?", (topic.number,))
        _set_exact_from(connection, topic.number, topic.head)

    def _add_run(
        self, connection: sqlite3.Connection, topic: TopicBounds, frame: pl.DataFrame
    ) -> None:
        hashes = self._hasher(connection).hashes(frame["_id"])
        self._runs.add(connection, topic.number, Entries.of(hashes, frame["_offset"].to_numpy()))

    def _hasher(self, connection: sqlite3.Connection) -> IdHasher:
        (secret,) = connection.execute("SELECT identity FROM log_identity").fetchone()
        return IdHasher(str(secret), bits=self._bits)

    def _resolve(
        self,
        connection: sqlite3.Connection,
        topic: TopicBounds,
        candidates: pl.DataFrame,
        found: dict[str, Identity],
    ) -> None:
        """Add to what is found the newest record of each id among offsets at which it may lie.

        The newest of them nearly always is of the id, and then the others do not matter; it is not
        where two ids have one hash.
        """
        waiting = candidates.sort("id", "_offset")
        while waiting.height:
            is_newest = pl.col("id").is_last_distinct()
            newest = waiting.filter(is_newest)
            records = self._records_at(connection, topic, newest["_offset"].unique().sort())
            same = newest.join(records, on="_offset").filter(pl.col("id") == pl.col("_id"))
            for name, *answer in same.select("id", *EXACT[1:]).iter_rows():
                if name not in found or found[name].offset < answer[0]:
                    found[name] = Identity(*answer)
            waiting = waiting.filter(~is_newest).join(same, on="id", how="anti")

    def _records_at(
        self, connection: sqlite3.Connection, topic: TopicBounds, offsets: pl.Series
    ) -> pl.DataFrame:
        """What `find` answers of the records at these offsets, which are sorted; without those of
        trimmed records that have a newer one.
        """
        frames, at, wanted = [pl.DataFrame(schema=EXACT_SCHEMA)], 0, offsets.to_numpy()
        while at < wanted.size:
            offset = int(wanted[at])
            row = connection.execute(
                "SELECT start, count FROM batches WHERE number = ? AND start <= ? "
                "ORDER BY start DESC LIMIT 1",
                (topic.number, offset),
            ).fetchone()
            if row is None or row[0] + row[1] <= offset:
                if offset >= topic.first:
                    raise damaged_log(topic.name, f"the record at offset {offset} is missing")
                until = int(np.searchsorted(wanted, topic.first))
                frames += read_trimmed(connection, topic, wanted[at:until])
            else:
                batch = BatchExtent(*row)
                until = int(np.searchsorted(wanted, batch.end))
                places = wanted[at:until] - batch.start
                found = self._remembered(connection, topic, batch)[places]
                frames.append(with_content(found).select(EXACT))
            at = until
        return pl.concat(frames)

    def _remembered(
        self, connection: sqlite3.Connection, topic: TopicBounds, batch: BatchExtent
    ) -> pl.DataFrame:
        """As `_answers_of`; of the last large batches remembered, since records never change."""
        key = (topic.number, batch)
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
        frame = _answers_of(connection, topic, batch)
        if batch.rows >= self._worth_a_run:
            with self._lock:
                self._frames[key] = frame
                sizes = [each.estimated_size() for each in self._frames.values()]
                while len(sizes) > 1 and sum(sizes) > _CACHED_BYTES:
                    self._frames.popitem(last=False)
                    del sizes[0]
        return frame


def _answers_of(
    connection: sqlite3.Connection, topic: TopicBounds, batch: BatchExtent
) -> pl.DataFrame:
    """What `find` answers of each record of a batch; where the content of some is that of their
    payload, with the payload.
    """
    row = connection.execute(
        "SELECT start, count, frame FROM batches WHERE number = ? AND start = ?",
        (topic.number, batch.start),
    ).fetchone()
    extent = extent_of(topic.name, row)
    apart, payload = fetch_streams(connection, row[2], _ANSWER), list[str]()
    frame = frame_from_stream(topic.name, extent, row[2], columns=_ANSWER, apart=apart)
    if frame["_content"].null_count():
        apart = fetch_streams(connection, row[2])
        frame = frame_from_stream(topic.name, extent, row[2], apart=apart)
        payload = [name for name in frame.columns if not name.startswith("_")]
    return frame.select(
        "_id",
        (pl.int_range(pl.len(), dtype=pl.Int64) + batch.start).alias("_offset"),
        "_content",
        "_visible_at",
        (pl.col("_op") == "insert").alias("_stands"),
        *payload,
    )


def _recent_of(connection: sqlite3.Connection, number: int, ids: Sequence[str]) -> Sequence[str]:
    """Those of the ids that may stand in rows; all of them where they are few."""
    if len(ids) <= _FEW_IDS:
        return ids
    recent = connection.execute("SELECT id FROM recent_ids WHERE number = ?", (number,))
    return list({id_ for (id_,) in recent}.intersection(ids))


def _find_rows(
    connection: sqlite3.Connection, table: str, number: int, ids: Sequence[str]
) -> dict[str, Identity]:
    """What a table of rows has of these ids."""
    found: dict[str, Identity] = {}
    query = f"SELECT 1 FROM {table} WHERE number = ? LIMIT 1"
    if connection.execute(query, (number,)).fetchone() is None:
        return found
    ids = sorted(ids)
    for at in range(0, len(ids), _IDS_PER_QUERY):
        wanted = ids[at : at + _IDS_PER_QUERY]
        query = (
            f"SELECT id, offset, content, visible_at, stands FROM {table} WHERE "
            f"number = ? AND id IN ({'?, ' * (len(wanted) - 1)}?)"
        )
        for name, offset, content, visible_at, stands in connection.execute(
            query, (number, *wanted)
        ):
            found[name] = Identity(offset, content, visible_at, stands == 1)
    return found


def has_earlier_ids(connection: sqlite3.Connection, number: int) -> bool:
    """Whether an earlier release wrote ids of the topic that are in no run yet, or were trimmed."""
    query = "SELECT 1 FROM identities WHERE number = ? LIMIT 1"
    return connection.execute(query, (number,)).fetchone() is not None


def _has_runs(connection: sqlite3.Connection, topic: TopicBounds) -> bool:
    query = "SELECT 1 FROM id_runs WHERE number = ? LIMIT 1"
    return connection.execute(query, (topic.number,)).fetchone() is not None


def _exact_from(connection: sqlite3.Connection, number: int) -> int:
    """From which offset on the ids of small batches stand in rows."""
    row = connection.execute(
        "SELECT exact_from FROM id_levels WHERE number = ?", (number,)
    ).fetchone()
    return int(row[0]) if row else 0


def _set_exact_from(connection: sqlite3.Connection, number: int, offset: int) -> None:
    connection.execute(
        "INSERT INTO id_levels VALUES (?, 0, ?) ON CONFLICT DO UPDATE SET exact_from = "
        "excluded.exact_from",
        (number, offset),
    )
