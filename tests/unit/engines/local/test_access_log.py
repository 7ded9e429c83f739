"""The access log: lines of JSON by a thread, in a file that several share and that is exchanged."""

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mainspring.engines.local.access_log import AccessLog, AccessLogLimits, open_access_log
from mainspring.engines.local.appended_file import AppendedFile, AppendedStream
from mainspring.ports.access_log import AccessRecord
from mainspring.ports.errors import AccessLogUnusable

RECORD = AccessRecord(1.0, 0.0012345, "GET", "/v2", "/v2", 200, 7, "user:a", "r1", "", "late@1", "")


class Held:
    """A target that waits until it is let go, and fails where it is told to."""

    def __init__(self) -> None:
        self.let_go, self.entered = threading.Event(), threading.Event()
        self.fails, self.lines = False, list[bytes]()

    def append(self, lines: bytes) -> None:
        self.entered.set()
        assert self.let_go.wait(30)
        if self.fails:
            raise OSError(28, "No space left on device")
        self.lines += lines.splitlines()

    def close(self) -> None:
        """Nothing to close."""


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


def test_a_record_is_a_line_and_what_it_lacks_is_left_out(tmp_path: Path):
    path = tmp_path / "access.log"
    with open_access_log(str(path)) as log:
        log.note(RECORD)
    [line] = lines_of(path)
    time = line.pop("time")
    assert isinstance(time, str)
    assert time.endswith("Z")
    assert line == {
        "method": "GET", "route": "/v2", "path": "/v2", "status": 200, "duration_ms": 1.234,
        "bytes": 7, "actor": "user:a", "request_id": "r1", "revision": "late@1",
    }  # fmt: skip


def test_a_text_cannot_begin_a_line_of_its_own(tmp_path: Path):
    path = tmp_path / "access.log"
    with open_access_log(str(path), worker=2) as log:
        log.note(RECORD._replace(path='/a\n{"status":200}\u2028'))
    [line] = lines_of(path)
    assert (line["path"], line["worker"]) == ('/a\n{"status":200}\u2028', 2)


def test_what_finds_no_room_is_counted_and_said_and_nobody_waits():
    held = Held()
    log = AccessLog(held, limits=AccessLogLimits(waiting=3, gather_s=0.0))  # type: ignore[arg-type]
    with log.running():
        log.note(RECORD)
        assert held.entered.wait(30)
        for _ in range(5):
            log.note(RECORD)
        assert log.dropped == 2
        held.let_go.set()
    assert log.written == 4
    assert [json.loads(line)["dropped"] for line in held.lines if b"dropped" in line] == [2]


def test_what_cannot_be_written_is_counted_and_said_once_it_can(caplog: pytest.LogCaptureFixture):
    held = Held()
    held.fails = True
    held.let_go.set()
    log = AccessLog(held, limits=AccessLogLimits(gather_s=0.0))  # type: ignore[arg-type]
    with log.running():
        log.note(RECORD)
        while log.dropped == 0:
            threading.Event().wait(0.01)
        held.fails = False
        log.note(RECORD)
    assert (log.written, log.dropped) == (1, 1)
    assert json.loads(held.lines[-1])["dropped"] == 1
    assert "No space left on device" in caplog.text


def test_a_file_is_for_its_owner_alone_whatever_the_umask_and_its_mode_were(tmp_path: Path):
    path = tmp_path / "access.log"
    path.write_text("")
    path.chmod(0o666)
    AppendedFile(path, size_bytes=10, kept=1).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_is_exchanged_at_its_size_and_the_oldest_is_given_up(tmp_path: Path):
    path = tmp_path / "access.log"
    file = AppendedFile(path, size_bytes=4, kept=2)
    for line in (b"a1\n", b"b2\n", b"c3\n", b"d4\n"):
        file.append(line)
    file.close()
    found = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert found == {"access.log": b"d4\n", "access.log.1": b"c3\n", "access.log.2": b"b2\n"}
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(tmp_path: Path):
    path = tmp_path / "access.log"
    file = AppendedFile(path, size_bytes=99, kept=1)
    file.append(b"before\n")
    path.rename(tmp_path / "moved")
    file.append(b"after\n")
    file.close()
    assert (path.read_bytes(), (tmp_path / "moved").read_bytes()) == (b"after\n", b"before\n")


APPENDING = """
import sys
from pathlib import Path
from mainspring.engines.local.appended_file import AppendedFile
file = AppendedFile(Path(sys.argv[1]), size_bytes=3000, kept=1000)
for number in range(300):
    file.append(f"{sys.argv[2]} {number:04} {'x' * 40}\\n".encode() * 3)
"""


def test_processes_share_a_file_while_it_is_exchanged_and_no_line_is_lost_or_torn(tmp_path: Path):
    path = tmp_path / "access.log"
    names = ("a", "b", "c")
    began = [subprocess.Popen([sys.executable, "-c", APPENDING, path, name]) for name in names]
    assert [each.wait(60) for each in began] == [0, 0, 0]
    found = sorted(line for file in tmp_path.iterdir() for line in file.read_text().splitlines())
    wanted = [f"{name} {number:04} {'x' * 40}" for name in names for number in range(300)]
    assert found == sorted(wanted * 3)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "no folder"])
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: str):
    path = tmp_path / "access.log"
    if kind == "link":
        path.symlink_to(tmp_path / "other")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = tmp_path / "none" / "access.log"
    with pytest.raises(AccessLogUnusable) as refused, open_access_log(str(path)):
        pytest.fail("it is written")
    assert refused.value.file == str(path)


def test_a_pipe_gets_whole_lines_in_pieces_that_it_keeps_together():
    read, write = os.pipe()
    line = b"x" * 1499 + b"\n"
    AppendedStream(write).append(line * 5)
    assert os.read(read, 100_000) == line * 5
    os.close(read)
    os.close(write)
