"""On a disk that is full every store refuses with a code and keeps what it had; once there is room,
work goes on as if nothing had been.
"""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from mainspring.elements.time import MINUTE
from mainspring.features.online.read import read_online
from mainspring.features.state.stream import merge_runs
from mainspring.sources.facts import read_source_rows
from tests.copies import copied_tree
from tests.crash.filling import CALLS, SCHEMA, SOURCE, TOPIC, VIEW, Stores, stores_in, works

pytestmark = pytest.mark.crash

ROOM_BYTES = 1_500_000


@pytest.fixture(params=["sqlite", "lmdb"])
def product(request: pytest.FixtureRequest) -> str:
    """Where online state lies."""
    return str(request.param)


@pytest.fixture(params=["small disk", "bounded files"])
def filled(request: pytest.FixtureRequest, tmp_path: Path, product: str) -> tuple[Path, list[str]]:
    """A folder in which there is no room any more, and what the process that filled it said."""
    folder = tmp_path / "disk"
    folder.mkdir()
    is_disk = request.param == "small disk"
    if (
        is_disk
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
    ):
        pytest.skip("this user may not mount a small disk")
    try:
        bound = [] if is_disk else [f"{ROOM_BYTES // 4}"]
        command = [sys.executable, "-m", "tests.crash.filling", str(folder), product, *bound]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stderr
        copied_tree(folder, tmp_path / "roomy")
    finally:
        if is_disk:
            subprocess.run(["umount", str(folder)], check=True)
    return tmp_path / "roomy", done.stdout.splitlines()


def outcome(stores: Stores) -> list[object]:
    merge_runs(VIEW, online=stores.online, now=0)
    scan = stores.tables.scan(TOPIC)
    assert scan is not None
    told = read_online(
        [VIEW],
        stores.online,
        {"city": [f"city {number}" for number in range(89)]},
        at=[100 * MINUTE] * 89,
    )
    facts = read_source_rows(SOURCE, log=stores.log, tables=stores.tables, schema=SCHEMA)
    return [
        stores.log.head(TOPIC),
        facts.rows(),
        sorted(scan.collect()["_offset"].to_list()),
        told.columns,
        list(stores.online.iter_rows(VIEW.shard)),
    ]


def test_a_full_disk_loses_and_doubles_nothing(
    filled: tuple[Path, list[str]], product: str, tmp_path: Path
) -> None:
    folder, said = filled
    refusals = {line for line in said if line.startswith("refused")}
    assert "refused log ENG-001" in refusals
    assert all(line.endswith("ENG-001") for line in refusals)
    stores = stores_in(folder, product)
    head = stores.log.head(TOPIC)
    assert head >= max(int(line.split()[2]) for line in said if line.startswith("done log"))
    assert pl.concat(stores.log.read(TOPIC))["_offset"].to_list() == list(range(head))
    undisturbed = stores_in(tmp_path / "undisturbed", product)
    for each in (stores, undisturbed):
        for call in range(CALLS):
            for work in works(each, call):
                work()
    assert outcome(stores)[0] == outcome(undisturbed)[0]
    assert sorted(outcome(stores)[1]) == sorted(outcome(undisturbed)[1])
    assert outcome(stores)[2:] == outcome(undisturbed)[2:]
