"""What is left after many deaths: `python -m tests.crash.aftermath [--kills N] [--seed N]` lets a
feature store live and die, and counts what is lost.

Every fault is counted, not just the first: events that were acknowledged and are gone, records that
are there twice or differ from an undisturbed run's, rows of state that differ from a clean
replay's, rows of the table that differ from the log's, and values that differ from the oracle's.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

import polars as pl

from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.state.stream import merge_runs, shards_of
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineWriter
from mainspring.sources.fold import materialize_table
from mainspring.sources.topic import topic_of
from tests.crash.lives import FOLDED, TOPICS, Report, Stores, batch, fold_all
from tests.proof.declared import LATENESS, SOURCES, VIEWS
from tests.proof.history import IDS, Delivery, History, pushes_of, questions_of
from tests.proof.pairing import pattern, true_answers
from tests.proof.reading import ingest, told
from tests.proof.truth import revisions_of

__all__ = ["Loss", "live_and_die", "losses"]

ASKED = 20


class Loss(NamedTuple):
    """A kind of fault, how many things were looked at, and how many have it."""

    kind: str
    looked_at: int
    found: int


def live_and_die(folder: Path, kills: int, seed: int) -> Report:
    """Run `lives`, in a process of its own: it must not have computed anything when it forks."""
    command = [sys.executable, "-m", "tests.crash.lives", str(folder), str(kills), str(seed)]
    # Threads of a linear algebra that nobody uses would be there before the fork.
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return Report(**json.loads(done.stdout))


def losses(folder: Path, report: Report) -> Iterator[Loss]:
    """Resume, catch up, and compare everything with an undisturbed run."""
    stores = Stores.of(folder)
    deliveries, undisturbed = as_undisturbed(stores.log, report.acknowledged)
    records = {topic: records_of(stores.log, topic) for topic in TOPICS}
    yield from losses_of_events(deliveries[: report.acknowledged], records)
    for topic in TOPICS:
        yield unlike(
            f"records of {topic} that differ",
            told_once(records_of(undisturbed, topic)),
            told_once(records[topic]),
        )
    for topic in TOPICS:
        materialize_table(topic, log=stores.log, tables=stores.tables)
        yield unlike(
            f"rows of the table {topic} that differ", records[topic], table_of(stores, topic)
        )
    for name, online in (("lmdb", stores.lmdb), ("sqlite", stores.sqlite)):
        yield from losses_of_state(name, stores.log, online)
        yield wrong_values(FOLDED[name], online, deliveries)


def losses_of_events(
    acknowledged: list[Delivery], records: Mapping[str, pl.DataFrame]
) -> Iterator[Loss]:
    """By the rules of the sequencer alone: what must be there, and what is there more than once."""
    expected, found = Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    for name in SOURCES:
        accepted = revisions_of(
            [push for push in pushes_of(acknowledged, name) if None not in push.id],
            lateness=LATENESS,
        )
        expected.update((name, revision.push.id, revision.visible_from) for revision in accepted)
        inserted = records[topic_of(name)].filter(pl.col("_op") == "insert")
        found.update(
            (name, each[:-1], each[-1])
            for each in inserted.select(*IDS[name], "_visible_at").iter_rows()
        )
    yield Loss("acknowledged events that are lost", expected.total(), (expected - found).total())
    yield Loss("events that are counted twice", found.total(), found.total() - len(found))


def as_undisturbed(log: SqliteLog, acknowledged: int) -> tuple[list[Delivery], SqliteLog]:
    """What was handed in, and a log that took it in peace; of the last batch the acknowledgement
    may have been lost.
    """
    deliveries, undisturbed = [batch(number) for number in range(acknowledged + 1)], SqliteLog(None)
    for delivery in deliveries[:-1]:
        ingest(delivery, undisturbed)
    if heads_of(undisturbed) == heads_of(log):
        return deliveries[:-1], undisturbed
    ingest(deliveries[-1], undisturbed)
    return deliveries, undisturbed


def heads_of(log: SqliteLog) -> dict[str, int]:
    """How far the log reaches with facts."""
    return {name: log.head(topic_of(name)) for name in SOURCES}


def records_of(log: SqliteLog, topic: str) -> pl.DataFrame:
    """All records of a topic."""
    return pl.concat(log.read(topic), how="diagonal_relaxed")


def told_once(records: pl.DataFrame) -> pl.DataFrame:
    """The records without what a batch that was handed in again adds: a row in quarantine is
    counted once more, in a record of its own, and takes another place of the raw log.
    """
    alike = records.drop("_raw")
    if "count" not in records.columns:
        return alike
    return alike.unique("_id", keep="first", maintain_order=True).drop("_offset")


def table_of(stores: Stores, topic: str) -> pl.DataFrame:
    """All rows of a table, in the order of the log."""
    scan = stores.tables.scan(topic)
    assert scan is not None
    return scan.sort("_offset").collect()


def unlike(kind: str, expected: pl.DataFrame, found: pl.DataFrame) -> Loss:
    """How many rows are not the same in all columns, place by place; digests of rows are the log's
    alone.
    """
    expected = expected.drop({"_content"} - set(found.columns), strict=False)
    ours, theirs = expected.rows(), found.select(expected.columns).rows()
    differing = sum(repr(left) != repr(right) for left, right in zip(ours, theirs, strict=False))
    return Loss(kind, len(ours), differing + abs(len(ours) - len(theirs)))


def losses_of_state(name: str, log: SqliteLog, online: SqliteOnline) -> Iterator[Loss]:
    """Catch up, and compare with a replay of the same log into an empty store, row by row."""
    fold_all(FOLDED[name], log, online)
    replayed = SqliteOnline(None)
    fold_all(FOLDED[name], log, replayed)
    for view in FOLDED[name]:
        expected, found = (rows_of(view, store) for store in (replayed, online))
        differing = sum(
            expected.get(key) != found.get(key) for key in expected.keys() | found.keys()
        )
        yield Loss(f"rows of {view.shard} in {name} that differ", len(expected), differing)


def rows_of(view: CompiledView, online: OnlineWriter) -> Mapping[tuple[str, bytes], bytes]:
    """The position of each shard, and all its rows, with all that was appended in the trees."""
    merge_runs(view, online=online, now=0)
    positions = {
        (shard, b""): repr(online.read(shard, [])[0]).encode() for shard in shards_of(view)
    }
    return positions | {
        (shard, key): row for shard in shards_of(view) for key, row in online.iter_rows(shard)
    }


def wrong_values(
    views: list[CompiledView], online: SqliteOnline, deliveries: list[Delivery]
) -> Loss:
    """Ask, and compare with the oracle."""
    peaceful = [delivery for delivery in deliveries if delivery.source == "landings"]
    history = History(
        [
            Delivery(
                d.source,
                d.moment,
                d.is_history,
                [each for each in d.rows if each.row["id"] is not None],
            )
            for d in peaceful
        ],
        [],
    )
    questions = questions_of(history.deliveries[-200:], Random(0), ASKED)
    looked_at = found = 0
    for view in views:
        truth = true_answers(VIEWS[view.view.name], History(history.deliveries, questions))
        reading = told(view, online, questions, since=max(delivery.moment for delivery in peaceful))
        for name, values in truth.items():
            looked_at += len(reading.places)
            found += sum(
                pattern(values[place]) != pattern(value)
                for place, value in zip(reading.places, reading.table[name], strict=True)
            )
    return Loss(
        f"values of {', '.join(view.shard for view in views)} that the oracle does not give",
        looked_at,
        found,
    )


def main() -> int:
    """Live, die, and print what was lost; exit with 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = live_and_die(Path(folder), asked.kills, asked.seed)
        deaths = ", ".join(f"{role} {number}" for role, number in sorted(report.kills.items()))
        print(
            f"seed {asked.seed}: {asked.kills} kills in {report.seconds:.0f} s "
            f"({deaths}); {report.acknowledged} batches acknowledged"
        )
        found = list(losses(Path(folder), report))
    for loss in found:
        print(f"{loss.found:>9,} of {loss.looked_at:>9,}  {loss.kind}")
    return int(any(loss.found for loss in found))


if __name__ == "__main__":
    sys.exit(main())
