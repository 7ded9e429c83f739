"""Every record that earlier releases left is read in its format, and written back as it lies."""

import importlib
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainspring.elements.events import ProjectName
from mainspring.elements.journal import verify_journal
from mainspring.elements.stored import StoredRecord, parse_stored, render_stored
from mainspring.engines.local.objects import FileObjects
from mainspring.engines.local.state import SqliteState
from mainspring.gates.attest import FiledStatement
from mainspring.gates.attestation import STATEMENT_FORMAT, format_of_statement, parse_envelope
from mainspring.gates.attestation import parse_statement as parse
from mainspring.gates.attestation import render_statement as render
from mainspring.registry.read import iter_versions, read_version
from tools.source_tree import python_files

LEFT_BEHIND = Path(__file__).parent / "workspaces"
BARE = {"garbage", "parity", "version_digest", "watched"}
"""Documents that are a value and no record in format 1."""


@pytest.fixture(params=sorted(path.parent.name for path in LEFT_BEHIND.glob("*/state.tar.gz")))
def release(request: pytest.FixtureRequest) -> Path:
    return LEFT_BEHIND / str(request.param)


@pytest.fixture
def folder(release: Path, tmp_path: Path) -> Path:
    with tarfile.open(release / "state.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture
def state(release: Path, folder: Path) -> Iterator[SqliteState]:
    name = tomllib.loads((release / "project.toml").read_text())["name"]
    opened = SqliteState(folder / "state.db", ProjectName(name))
    yield opened
    opened.close()


def record_kinds(root: type[StoredRecord] = StoredRecord) -> dict[str, type[StoredRecord]]:
    """The records by the kind of document that they are; of a class and one built on it the
    latter.
    """
    found = {root.document: root} if root.document else {}
    for kind in root.__subclasses__():
        found |= record_kinds(kind) if kind.__module__.startswith("mainspring.") else {}
    return found


def test_every_document_is_read_and_written_back_as_it_lies(state: SqliteState) -> None:
    for file in python_files("src"):
        if file.package and "examples" not in file.module:
            importlib.import_module(file.module)
    kinds = record_kinds()
    assert "version" in state.kinds()
    assert {*state.kinds()} - BARE <= kinds.keys()
    for kind in {*state.kinds()} - BARE:
        for document in state.iter_documents(kind):
            record = parse_stored(document.payload, kinds[kind], key=document.key)
            assert render_stored(record) == document.payload


def test_the_journal_is_whole(state: SqliteState) -> None:
    assert verify_journal(state.iter_events()) is None
    assert state.journal_head() > 0


def test_every_version_has_the_digest_that_it_is_named_by(state: SqliteState) -> None:
    versions = list(iter_versions(state))
    assert versions
    assert [read_version(state, version.digest) for version in versions] == versions


def test_every_statement_says_what_it_said(state: SqliteState, folder: Path) -> None:
    objects = FileObjects(folder / "objects")
    filed = [
        parse_stored(document.payload, FiledStatement)
        for document in state.iter_documents("attestation")
    ]
    payloads = [parse_envelope(objects.read(entry.envelope)).payload for entry in filed]
    assert payloads
    assert [render(parse(payload)) for payload in payloads] == payloads
    formats = {format_of_statement(parse(payload).predicate_type) for payload in payloads}
    assert formats <= {*range(1, STATEMENT_FORMAT + 1)}
