"""Files in parts: each byte is taken once, by whoever began, and the whole becomes one ingest."""

import hashlib
import json
import os
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from mainspring.elements.events import Actor
from mainspring.elements.time import DAY
from mainspring.ports.errors import BadRequest, StoreBusy
from mainspring.ports.http import Call
from mainspring.sources.errors import FileNotAccepted
from mainspring.sources.ingest import IngestReport, SourceWriter
from mainspring.sources.uploads import (
    UnknownUpload,
    UploadDamaged,
    UploadOutOfStep,
    UploadTooLarge,
)
from mainspring.sources.uploads.api import UploadApi
from mainspring.sources.uploads.folder import UploadFolder
from mainspring.sources.uploads.upload import UploadLimits
from tests.unit.sources.conftest import Desk, row

ADA, BOB = Actor("person:ada"), Actor("person:bob")
LINES = b"".join(json.dumps(row(n)).encode() + b"\n" for n in range(1, 6))
LIMITS = UploadLimits(file_bytes=2_000, all_bytes=3_000, uploads=3, line_bytes=200)
Answer = dict[str, object]


class Uploads:
    """The routes over a desk."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk, self.folder = desk, folder / "uploads"
        self.uploads = UploadFolder(self.folder, clock=desk.clock, limits=LIMITS)
        self.reports = list[IngestReport]()
        self.api = UploadApi(
            self.writer,
            self.uploads,
            environment="dev",
            examine=lambda _: None,
            observe=lambda _, report: self.reports.append(report),
        )

    def writer(self, source: str, actor: Actor) -> SourceWriter:
        """What takes the rows in."""
        del source, actor
        return self.desk.writer()

    def begin(self, payload: bytes = LINES, *, actor: Actor = ADA, **more: object) -> Answer:
        """Declare a file."""
        declared = {
            "file": "a.jsonl",
            "size_bytes": len(payload),
            "digest": f"sha256:{hashlib.sha256(payload).hexdigest()}",
        } | more
        body = json.dumps(declared).encode()
        return answered(
            self.api.begin(Call("POST", path={"name": "arrivals"}, body=body, actor=actor)).body
        )

    def put(self, upload: object, offset: object, part: bytes, *, actor: Actor = ADA) -> Answer:
        """Send a part."""
        return answered(self.api.put(self.call(upload, offset, part, actor)).body)

    def call(self, upload: object, offset: object, part: bytes, actor: Actor) -> Call:
        """The call of a part."""
        return Call(
            "PUT",
            path={"name": "arrivals", "upload": str(upload)},
            headers={"upload-offset": str(offset)},
            body=part,
            actor=actor,
        )


def answered(body: bytes) -> Answer:
    found: Answer = json.loads(body)
    return found


@pytest.fixture
def uploads(desk: Desk, tmp_path: Path) -> Uploads:
    return Uploads(desk, tmp_path)


def test_parts_become_one_file(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    assert uploads.put(upload, 0, LINES[:100])["offset"] == 100
    assert uploads.begin()["offset"] == 100
    done = uploads.put(upload, 100, LINES[100:])
    report = done["report"]
    assert isinstance(report, Mapping)
    assert (done["is_finished"], report["accepted"]) == (True, 5)
    assert [each.accepted for each in uploads.reports] == [5]
    assert uploads.desk.facts().height == 5


def test_the_last_part_is_answered_alike_however_often_it_is_sent(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    done = uploads.put(upload, 0, LINES)
    assert uploads.put(upload, 0, LINES) == done == uploads.begin()
    assert uploads.put(upload, len(LINES), b"") == done
    assert len(uploads.reports) == 1


def test_what_lies_on_the_disk_is_named_by_us_and_for_its_owner_alone(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    uploads.put(upload, 0, LINES[:100])
    names = {path.name for path in uploads.folder.iterdir()}
    assert names == {f"{upload}.json", f"{upload}.jsonl", f"{upload}.lock", "all.lock"}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in uploads.folder.iterdir()}
    assert (modes, stat.S_IMODE(uploads.folder.stat().st_mode)) == ({0o600}, 0o700)
    uploads.put(upload, 100, LINES[100:])
    assert not (uploads.folder / f"{upload}.jsonl").exists()


def test_a_first_part_without_bytes_changes_nothing(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    assert uploads.put(upload, 0, b"")["offset"] == 0
    assert uploads.put(upload, 0, LINES)["is_finished"]


def test_a_part_that_came_may_come_again(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    uploads.put(upload, 0, LINES[:100])
    assert uploads.put(upload, 0, LINES[:100])["offset"] == 100
    assert uploads.put(upload, 50, LINES[50:70])["offset"] == 100


@pytest.mark.parametrize(
    ("offset", "part"), [(101, b"x"), (50, LINES[50:101]), (0, b"x" * 100), (99, b"x")]
)
def test_a_part_in_another_place_is_refused(uploads: Uploads, offset: int, part: bytes) -> None:
    upload = uploads.begin()["upload"]
    uploads.put(upload, 0, LINES[:100])
    with pytest.raises(UploadOutOfStep, match=f"begins at {offset}") as caught:
        uploads.put(upload, offset, part)
    assert caught.value.expected == uploads.begin()["offset"] == 100


def test_nothing_goes_beyond_what_was_declared(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    for offset in (0, len(LINES) - 1, 10**14):
        with pytest.raises(UploadTooLarge):
            uploads.put(upload, offset, LINES + b"x")
    assert uploads.begin()["offset"] == 0


def test_other_bytes_than_were_declared_are_thrown_away(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    with pytest.raises(UploadDamaged):
        uploads.put(upload, 0, LINES[:-2] + b" \n")
    assert (uploads.begin()["offset"], uploads.reports) == (0, [])
    assert uploads.put(upload, 0, LINES)["is_finished"]


def test_an_upload_is_that_of_its_caller_and_source(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    with pytest.raises(UnknownUpload):
        uploads.put(upload, 0, LINES, actor=BOB)
    call = uploads.call(upload, 0, LINES, ADA)
    with pytest.raises(UnknownUpload):
        uploads.api.put(call._replace(path={"name": "other", "upload": str(upload)}))
    assert uploads.begin(actor=BOB)["upload"] != upload


@pytest.mark.parametrize(
    "id_", ["..", "../../token", "a/b", "x" * 32, "%2e%2e", "A" * 32, "", "a" * 33]
)
def test_an_id_leads_to_no_other_file(uploads: Uploads, id_: str) -> None:
    uploads.begin()
    with pytest.raises(UnknownUpload):
        uploads.put(id_, 0, b"x")


@pytest.mark.parametrize(
    "more",
    [
        {"file": "../a.csv"},
        {"file": "/etc/passwd"},
        {"file": "a\x00.csv"},
        {"file": "a.pickle"},
        {"file": ".csv"},
        {"file": "a" * 200 + ".csv"},
        {"size_bytes": 0},
        {"size_bytes": -1},
        {"digest": "md5:1"},
        {"op": "upsert"},
        {"path": "/tmp"},
    ],
    ids=str,
)
def test_what_cannot_be_declared_is_refused(uploads: Uploads, more: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        uploads.begin(**more)
    assert not uploads.folder.exists()


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "x", "9" * 16, "0x1", "٣"])
def test_an_offset_is_a_number(uploads: Uploads, offset: str) -> None:
    upload = uploads.begin()["upload"]
    with pytest.raises(BadRequest):
        uploads.put(upload, offset, LINES)


def test_uploads_have_a_quota(uploads: Uploads) -> None:
    with pytest.raises(UploadTooLarge, match="the file"):
        uploads.begin(size_bytes=2_001)
    uploads.begin(size_bytes=2_000)
    with pytest.raises(UploadTooLarge, match="all uploads"):
        uploads.begin(size_bytes=1_001, actor=BOB)
    for number in (1, 2):
        uploads.begin(size_bytes=number)
    with pytest.raises(UploadTooLarge, match="your list"):
        uploads.begin(size_bytes=3)
    uploads.begin(size_bytes=3, actor=BOB)


def test_an_upload_expires(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    uploads.put(upload, 0, LINES[:100])
    uploads.desk.clock.advance(DAY + 1)
    uploads.uploads.expire()
    assert [path.name for path in uploads.folder.iterdir()] == ["all.lock"]
    with pytest.raises(UnknownUpload):
        uploads.put(upload, 100, LINES[100:])
    assert uploads.begin()["offset"] == 0


def test_bytes_that_nobody_knows_any_more_go(uploads: Uploads) -> None:
    uploads.begin()
    orphan = uploads.folder / ("0" * 32 + ".csv")
    orphan.touch()
    uploads.uploads.expire()
    assert orphan.exists()
    old_s = uploads.desk.clock.now() / 1e6 - 2 * 86_400
    os.utime(orphan, (old_s, old_s))
    uploads.uploads.expire()
    assert not orphan.exists()


def test_a_process_may_die_at_any_step_of_forgetting(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    uploads.put(upload, 0, LINES[:100])
    uploads.desk.clock.advance(DAY + 1)
    before = {path: path.read_bytes() for path in uploads.folder.iterdir()}
    for step in range(4):
        for path, payload in before.items():
            path.write_bytes(payload)
        has_died = not_before_removal(step, uploads.uploads.expire)
        # Whoever goes on meanwhile is told that it is gone, or it is there as it was.
        with suppress(UnknownUpload, UploadDamaged):
            uploads.put(upload, 100, LINES[100:])
        old_s = uploads.desk.clock.now() / 1e6 - 2 * 86_400
        uploads.desk.clock.advance(DAY + 1)
        for path in uploads.folder.iterdir():
            os.utime(path, (old_s, old_s))
        uploads.uploads.expire()
        assert [path.name for path in uploads.folder.iterdir()] == ["all.lock"]
        assert all(each.accepted + each.duplicates == 5 for each in uploads.reports)
    assert not has_died


def not_before_removal(number: int, act: Callable[[], None]) -> bool:
    """Do it in a process that dies before it removes the file of this number; whether it died."""
    pid = os.fork()
    if not pid:
        left = number

        def count(event: str, _: object) -> None:
            nonlocal left
            if event == "os.remove":
                if not left:
                    os._exit(9)
                left -= 1

        sys.addaudithook(count)
        act()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


def test_a_record_that_cannot_be_read_expires_by_its_file(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    record = uploads.folder / f"{upload}.json"
    record.write_bytes(b"no record")
    assert uploads.uploads.expired() == []
    old_s = uploads.desk.clock.now() / 1e6 - 2 * 86_400
    os.utime(record, (old_s, old_s))
    uploads.uploads.expire()
    assert not record.exists()


def test_one_request_works_on_an_upload(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    found = uploads.uploads.find(str(upload), environment="dev", source="arrivals", actor=ADA)
    with uploads.uploads.held(found), pytest.raises(StoreBusy):
        uploads.put(upload, 0, LINES)


def test_a_file_that_is_not_accepted_is_told_by_its_own_name(uploads: Uploads) -> None:
    payload = b'{"flight": "x"}\n'
    upload = uploads.begin(payload)["upload"]
    with pytest.raises(FileNotAccepted, match=r"a\.jsonl") as caught:
        uploads.put(upload, 0, payload)
    assert str(uploads.folder) not in str(caught.value)


def test_a_line_is_no_longer_than_it_may_be(uploads: Uploads) -> None:
    payload = json.dumps(row(1, carrier="x" * 300)).encode()
    upload = uploads.begin(payload)["upload"]
    with pytest.raises(UploadTooLarge, match="a line"):
        uploads.put(upload, 0, payload)


def test_a_torn_part_is_written_again(uploads: Uploads) -> None:
    upload = uploads.begin()["upload"]
    uploads.put(upload, 0, LINES[:100])
    # As a process leaves it that died between the bytes and the record.
    with (uploads.folder / f"{upload}.jsonl").open("ab") as file:
        file.write(bytes(40))
    assert uploads.put(upload, 100, LINES[100:])["is_finished"]
