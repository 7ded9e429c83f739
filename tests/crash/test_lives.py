"""Killed with -9 again and again under load, a feature store loses nothing that it acknowledged,
counts nothing twice, and is the same bytes in the end.
"""

from pathlib import Path

import polars as pl
import pytest

from mainspring.sources.topic import topic_of
from tests.crash.aftermath import live_and_die, losses
from tests.crash.lives import FOLDED, ROLES, Report, Stores, batch, fold_all, tabulate
from tests.proof.reading import ingest

pytestmark = pytest.mark.crash

KILLS = 60
LANDINGS = topic_of("landings")


@pytest.fixture
def peaceful(tmp_path: Path) -> tuple[Path, Stores, Report]:
    """Stores that took some batches without any death."""
    stores = Stores.of(tmp_path)
    for number in range(40):
        ingest(batch(number), stores.log)
    tabulate(stores, 0)
    fold_all(FOLDED["lmdb"], stores.log, stores.lmdb)
    fold_all(FOLDED["sqlite"], stores.log, stores.sqlite)
    return tmp_path, stores, Report(40, {}, 0.0)


def faults(folder: Path, report: Report) -> dict[str, int]:
    """How many things are wrong, by kind."""
    return {loss.kind: loss.found for loss in losses(folder, report) if loss.found}


def test_nothing_is_lost_doubled_or_different_after_many_kills(tmp_path: Path) -> None:
    report = live_and_die(tmp_path, KILLS, seed=7)
    assert set(report.kills) == set(ROLES)
    assert report.acknowledged > 0
    found = list(losses(tmp_path, report))
    assert [loss for loss in found if loss.found] == []
    assert min(loss.looked_at for loss in found) > 0


def test_a_batch_that_is_handed_in_again_changes_nothing(
    peaceful: tuple[Path, Stores, Report],
) -> None:
    folder, stores, report = peaceful
    ingest(batch(39), stores.log)
    assert faults(folder, report) == {}


def test_acknowledged_events_that_the_log_lacks_are_counted(
    peaceful: tuple[Path, Stores, Report],
) -> None:
    folder, _, report = peaceful
    found = faults(folder, report._replace(acknowledged=43))
    assert found["acknowledged events that are lost"] > 0
    assert found[f"records of {LANDINGS} that differ"] > 0


def test_events_that_the_log_has_twice_are_counted(peaceful: tuple[Path, Stores, Report]) -> None:
    folder, stores, report = peaceful
    inserted = (
        pl.concat(stores.log.read(LANDINGS)).filter(pl.col("_op") == "insert").drop("_offset")
    )
    stores.log.append({LANDINGS: inserted[:3]}, expected={})
    assert faults(folder, report)["events that are counted twice"] == 3


def test_one_wrong_bit_of_state_is_counted(peaceful: tuple[Path, Stores, Report]) -> None:
    folder, stores, report = peaceful
    shard = FOLDED["lmdb"][0].shard
    position, _ = stores.lmdb.read(shard, [])
    key, row = next(stores.lmdb.iter_rows(shard))
    assert position is not None
    stores.lmdb.commit(
        shard, {key: row[:-1] + bytes([row[-1] ^ 1])}, expected=position, position=position
    )
    assert faults(folder, report)[f"rows of {shard} in lmdb that differ"] == 1
