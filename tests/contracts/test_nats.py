"""The log on NATS JetStream keeps the contract, and what only several processes and a server that
dies can show.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import polars as pl
import pytest

from mainspring.engines.nats.connection import NatsConnection, NatsServer
from mainspring.engines.nats.log import NatsLog
from mainspring.engines.nats.stream import JetStream
from mainspring.ports.errors import RetentionPassed, StaleWrite, StoreFailed
from mainspring.ports.log import LogReader
from mainspring.testing.contracts import LogContract
from mainspring.testing.contracts.log import FACTS, PREDICTIONS, REFUSED, records
from tests.contracts.nats_server import RunningServer, wait_until

Open = Callable[..., NatsLog]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def stream() -> str:
    """A stream of this test's own."""
    return f"test-{uuid4().hex}"


@pytest.fixture
def open_log(server: RunningServer, stream: str) -> Iterator[Open]:
    """Opens clients of the stream, and closes them at the end."""
    opened: list[NatsLog] = []

    def open_another(index: Path | None = None) -> NatsLog:
        opened.append(NatsLog(server.url, index, stream=stream))
        return opened[-1]

    yield open_another
    for log in opened:
        log.close()


def ids_in(log: LogReader, topic: str) -> list[str]:
    """All ids of a topic in order; its offsets have no gap."""
    frames = list(log.read(topic, start=log.first(topic)))
    whole = pl.concat(frames) if frames else records([]).with_columns(_offset=pl.lit(0))
    assert whole["_offset"].to_list() == list(range(log.first(topic), log.head(topic)))
    return whole["_id"].to_list()


def appending(
    server: RunningServer, stream: str, name: str, *numbers: int
) -> "subprocess.Popen[str]":
    """A process that appends: how often, how many rows, how many bytes a row."""
    command = [
        sys.executable,
        "-m",
        "tests.contracts.nats_appending",
        server.url,
        stream,
        name,
        *map(str, numbers),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class TestLog(LogContract):
    @pytest.fixture(params=["disk", "memory"])
    def log(self, request: pytest.FixtureRequest, open_log: Open, tmp_path: Path) -> NatsLog:
        return open_log(tmp_path / "index.sqlite" if request.param == "disk" else None)


def test_two_processes_that_write_at_once_lose_nothing_and_leave_no_gap(
    server: RunningServer, stream: str, open_log: Open
) -> None:
    log, names = open_log(), ("left", "right")
    for process in [appending(server, stream, name, 40, 2, 10) for name in names]:
        process.communicate()
        assert process.returncode == 0
    wait_until(lambda: log.head(FACTS) == 160)
    assert sorted(ids_in(log, FACTS)) == sorted(
        f"{name}-{number}-{row}" for name in names for number in range(40) for row in range(2)
    )
    assert ids_in(log, FACTS) == ids_in(log, REFUSED)


@pytest.mark.parametrize("acknowledged", [1, 2, 4])
def test_a_writer_killed_at_work_loses_nothing_acknowledged_and_leaves_no_half(
    server: RunningServer, stream: str, open_log: Open, acknowledged: int
) -> None:
    """Bodies of 3 MB travel in parts, so the end comes between two of them more often than not."""
    process = appending(server, stream, "killed", 100, 30, 50_000)
    assert process.stdout is not None
    with process.stdout as said:
        numbers = [int(said.readline().split()[0]) for _ in range(acknowledged)]
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.01 * acknowledged)
        process.kill()
        numbers += [int(line.split()[0]) for line in said.read().splitlines()]
    process.wait()
    log = open_log()
    found = ids_in(log, FACTS)
    assert set(found) >= {f"killed-{number}-{row}" for number in numbers for row in range(30)}
    assert (len(found) % 30, len(set(found))) == (0, len(found))
    assert found == ids_in(log, REFUSED)
    log.append({FACTS: records(["after"])}, expected={FACTS: len(found)})


def test_a_server_killed_and_started_again_loses_nothing_acknowledged(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "server")
    server.start()
    writer, reader = NatsLog(server.url), NatsLog(server.url)
    names = [f"{number}" for number in range(150)]
    try:
        with ThreadPoolExecutor(1) as pool:
            appended = pool.map(
                lambda name: writer.append(
                    {FACTS: records([name]), PREDICTIONS: records([name])},
                    expected={FACTS: int(name)},
                ),
                names,
            )
            for head in (30, 60):
                wait_until(lambda head=head: reader.head(FACTS) >= head)
                server.kill()
                server.start()
            assert [heads[FACTS] for heads in appended] == list(range(1, 151))
        wait_until(lambda: reader.head(FACTS) == 150)
        for log in (writer, reader):
            assert ids_in(log, FACTS) == ids_in(log, PREDICTIONS) == names
    finally:
        writer.close()
        reader.close()
        server.kill()


def test_of_two_that_expect_the_same_head_one_appends(open_log: Open) -> None:
    logs = [open_log(), open_log()]
    start = threading.Barrier(2)

    def attempt(which: int, head: int) -> int:
        start.wait()
        try:
            logs[which].append({FACTS: records([f"{which}"])}, expected={FACTS: head})
        except StaleWrite:
            return 0
        return 1

    with ThreadPoolExecutor(2) as pool:
        for head in range(40):
            assert sum(pool.map(attempt, range(2), (head, head))) == 1
            wait_until(lambda head=head: logs[0].head(FACTS) == logs[1].head(FACTS) == head + 1)
    assert ids_in(logs[0], FACTS) == ids_in(logs[1], FACTS) == ids_in(open_log(), FACTS)


def test_a_hundred_thousand_records_are_streamed_in_order(open_log: Open) -> None:
    log, other = open_log(), open_log()
    for head in range(0, 100_000, 1_000):
        log.append(
            {FACTS: records([f"{head + row}" for row in range(1_000)])}, expected={FACTS: head}
        )
    wait_until(lambda: other.head(FACTS) == 100_000)
    names = [f"{number}" for number in range(100_000)]
    assert ids_in(other, FACTS) == ids_in(open_log(), FACTS) == names
    assert (
        pl.concat(other.read(FACTS, start=54_321, stop=54_323))["_id"].to_list()
        == names[54_321:54_323]
    )


def test_an_index_that_was_closed_goes_on_where_it_ended(open_log: Open, tmp_path: Path) -> None:
    with_file, without = open_log(tmp_path / "index.sqlite"), open_log()
    with_file.append({FACTS: records(["a", "b"])}, expected={})
    with_file.close()
    without.append({FACTS: records(["b"], at=1, op="retract")}, expected={FACTS: 2})
    again = open_log(tmp_path / "index.sqlite")
    assert (again.head(FACTS), again.find(FACTS, ["a", "b"])) == (
        3,
        without.find(FACTS, ["a", "b"]),
    )


def test_processes_may_share_the_file_of_an_index(open_log: Open, tmp_path: Path) -> None:
    logs = [open_log(tmp_path / "index.sqlite") for _ in range(3)]
    for head in range(30):
        logs[head % 3].append({FACTS: records([f"{head}"])}, expected={})
    wait_until(lambda: {log.head(FACTS) for log in logs} == {30})
    assert len(set(ids_in(logs[0], FACTS))) == 30


def test_parts_whose_writer_died_are_nothing(
    server: RunningServer, stream: str, open_log: Open
) -> None:
    log, connection = open_log(), NatsConnection(NatsServer(server.url))
    JetStream(stream, connection=connection, replicas=1).publish_parts(
        b"half of a record", size_bytes=5
    )
    connection.close()
    log.append({FACTS: records(["a"])}, expected={FACTS: 0})
    assert (ids_in(log, FACTS), ids_in(open_log(), FACTS)) == (["a"], ["a"])


def append_batches(log: NatsLog, topics: Sequence[str], count: int) -> None:
    for number in range(count):
        log.append(
            {topic: records([f"{topic}-{number}-{row}" for row in range(10)]) for topic in topics},
            expected={},
        )


def test_whoever_comes_after_a_trim_counts_and_remembers_as_who_saw_it(
    open_log: Open, tmp_path: Path
) -> None:
    witness = open_log()
    late = open_log(tmp_path / "index.sqlite")
    append_batches(witness, [FACTS, REFUSED], 3)
    wait_until(lambda: late.head(FACTS) == 30)
    late.close()
    append_batches(witness, [FACTS], 4)
    append_batches(witness, [PREDICTIONS], 2)
    assert (witness.trim(FACTS, 65), witness.trim(PREDICTIONS, 10)) == (60, 10)
    for log in (open_log(tmp_path / "index.sqlite"), open_log()):
        for topic in (FACTS, REFUSED, PREDICTIONS):
            asked = [f"{topic}-{number}-{row}" for number in range(7) for row in range(10)]
            assert (log.first(topic), log.head(topic), log.find(topic, asked)) == (
                witness.first(topic),
                witness.head(topic),
                witness.find(topic, asked),
            )
            assert ids_in(log, topic) == ids_in(witness, topic)


def test_a_reader_on_its_way_is_told_of_a_trim_by_another_process(open_log: Open) -> None:
    reader, other = open_log(), open_log()
    append_batches(other, [FACTS], 80)
    wait_until(lambda: reader.head(FACTS) == 800)
    frames = reader.read(FACTS)
    next(frames)
    other.trim(FACTS, 790)
    with pytest.raises(RetentionPassed, match="starts at offset 790"):
        list(frames)


def test_trimmed_records_leave_the_server_and_those_beside_them_stay(
    server: RunningServer, stream: str, open_log: Open
) -> None:
    log = open_log()
    append_batches(log, [PREDICTIONS], 10)
    append_batches(log, [FACTS], 1)
    append_batches(log, [PREDICTIONS], 10)
    log.trim(PREDICTIONS, 200)
    connection = NatsConnection(NatsServer(server.url))
    held = JetStream(stream, connection=connection, replicas=1).fetch(range(1, 30))
    connection.close()
    assert list(held) == [11, 22]
    assert ids_in(log, FACTS) == [f"{FACTS}-0-{row}" for row in range(10)]


def test_a_connection_ends_though_a_task_goes_on_after_it_is_cancelled(
    server: RunningServer,
) -> None:
    """As the client's own do where the server is gone: whoever closed waited for ever."""
    connection, begun = NatsConnection(NatsServer(server.url)), threading.Event()

    async def goes_on(_: object) -> None:
        begun.set()
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3_600)

    threading.Thread(target=connection.call, args=("wait", goes_on), daemon=True).start()
    assert begun.wait(20)
    connection.close()
    with pytest.raises(StoreFailed, match="it is closed"):
        connection.call("ask", goes_on)
