"""The journal is rewritten, its chain computed anew, cut off, or an entry is lost between two
stores.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import mainspring as ms
from mainspring.app.cli.faults import EXIT_MISUSE, EXIT_OK, EXIT_REFUSED
from mainspring.elements.events import Event, Recorded
from mainspring.elements.journal import GENESIS, chain_of
from mainspring.elements.stored import parse_stored, render_stored
from mainspring.elements.time import SECOND
from mainspring.engines.local.clock import FrozenClock
from mainspring.engines.local.signer import FileSigner
from mainspring.govern.checkpoint import JournalCheckpoint, checkpoint_key, sign_checkpoint
from mainspring.govern.errors import JournalRewritten
from mainspring.ports.errors import StoreFailed
from mainspring.ports.state import Change
from mainspring.sources.ingest import SourceWriter
from mainspring.testing.failing import FailingState, Failures
from tests.attacks.shop import SALE, copied, make_project, state_of
from tests.journeys.lateness import call

OUTSIDE = '[audit]\ncheckpoints = "../worm"\n'


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Applied and signed, with a copy of the checkpoint outside."""
    folder = make_project(tmp_path_factory.mktemp("projects") / "shop")
    settings = folder / "project.toml"
    settings.write_text(settings.read_text() + OUTSIDE)
    assert ms.Workspace.open(folder).journal_signer.sign() is not None
    assert call(folder, ["audit"]).code == EXIT_OK
    return folder


@pytest.fixture
def project(applied: Path, tmp_path: Path) -> Path:
    return copied(applied, tmp_path)


@pytest.fixture
def noted(applied: Path, tmp_path: Path) -> Path:
    """What somebody noted elsewhere: an audit as JSON."""
    file = tmp_path / "noted.json"
    file.write_text(call(applied, ["audit", "--json"]).out)
    return file


def rewrite(project: Path, edit: Callable[[list[Event]], list[Event]]) -> None:
    """Put other events in the journal, and compute the whole chain anew."""
    with closing(sqlite3.connect(state_of(project) / "state.db")) as database, database:
        rows = database.execute("SELECT event FROM journal ORDER BY sequence").fetchall()
        database.execute("DELETE FROM journal")
        chain = GENESIS
        for place, event in enumerate(edit([parse_stored(row[0], Event) for row in rows]), start=1):
            chain = chain_of(event, chain)
            database.execute(
                "INSERT INTO journal (project, sequence, event, chain) VALUES (?, ?, ?, ?)",
                ("shop", place, render_stored(event).decode(), chain),
            )


def blame(events: list[Event]) -> list[Event]:
    """Somebody else did the first thing."""
    document = render_stored(events[0]).replace(events[0].actor.encode(), b"person:mallory")
    return [parse_stored(document, Event), *events[1:]]


def cut(events: list[Event]) -> list[Event]:
    return events[:-3]


def forget_checkpoints(project: Path) -> None:
    with closing(sqlite3.connect(state_of(project) / "state.db")) as database, database:
        database.execute("DELETE FROM documents WHERE kind = 'checkpoint'")


@pytest.mark.parametrize("edit", [blame, cut])
def test_a_chain_that_was_computed_anew_is_found(
    edit: Callable[[list[Event]], list[Event]], project: Path
) -> None:
    rewrite(project, edit)
    answer = call(project, ["audit"])
    assert answer.code == EXIT_REFUSED
    assert "signed" in answer.out
    assert "FLO-050" in call(project, ["doctor"]).out


@pytest.mark.parametrize("edit", [blame, cut])
def test_what_was_computed_anew_is_not_signed(
    edit: Callable[[list[Event]], list[Event]], project: Path
) -> None:
    rewrite(project, edit)
    with pytest.raises(JournalRewritten):
        ms.Workspace.open(project).journal_signer.sign()


@pytest.mark.parametrize("edit", [blame, cut])
def test_who_deletes_the_checkpoints_too_is_found_by_what_is_kept_elsewhere(
    edit: Callable[[list[Event]], list[Event]], project: Path, applied: Path, noted: Path
) -> None:
    outside = applied.parent / "worm"
    for against in (outside, noted):
        intact = call(project, ["audit", "verify", "--against", str(against)])
        assert intact.code == EXIT_OK, intact.text
    rewrite(project, edit)
    forget_checkpoints(project)
    for against in (outside, noted):
        answer = call(project, ["audit", "verify", "--against", str(against)])
        assert answer.code == EXIT_REFUSED
    [file] = outside.iterdir()
    assert call(project, ["audit", "verify", "--against", str(file)]).code == EXIT_REFUSED


def test_a_checkpoint_by_another_key_does_not_count(project: Path) -> None:
    rewrite(project, blame)
    forget_checkpoints(project)
    state = ms.Workspace.open(project).runtime.state
    newest = list(state.iter_events())[-1]
    forged = sign_checkpoint(
        newest, project=newest.event.project, at=0, signer=FileSigner.in_memory()
    )
    key = checkpoint_key(forged.sequence)
    state.commit([Change(JournalCheckpoint.document, key, render_stored(forged))], [])
    assert "not signed by a key that is accepted" in call(project, ["audit"]).out


def test_checkpoints_that_are_deleted_one_by_one_leave_a_gap(project: Path) -> None:
    workspace = ms.Workspace.open(project)
    event = next(workspace.runtime.state.iter_events()).event
    workspace.runtime.state.commit([], [event] * 250)
    assert "no checkpoint is left of events" in call(project, ["audit"]).out


def test_a_hundred_events_are_signed_and_fewer_are_not(project: Path) -> None:
    workspace = ms.Workspace.open(project)
    event = next(workspace.runtime.state.iter_events()).event
    workspace.runtime.state.commit([], [event] * 99)
    assert workspace.journal_signer.run_due() is None
    workspace.runtime.state.commit([], [event])
    made = workspace.journal_signer.run_due()
    assert made is not None
    assert made.sequence == workspace.runtime.state.journal_head()
    assert (project.parent / "worm" / f"checkpoint-{made.sequence:012d}.json").exists()
    assert workspace.audit().signed_until == made.sequence


def test_a_place_outside_that_cannot_be_written_stops_nothing(project: Path) -> None:
    (project.parent / "worm").write_text("a file in its place")
    workspace = ms.Workspace.open(project)
    event = next(workspace.runtime.state.iter_events()).event
    workspace.runtime.state.commit([], [event] * 100)
    assert workspace.journal_signer.run_due() is not None


def test_what_is_no_audit_is_refused_with_a_code(project: Path) -> None:
    for name, content in (("spine.csv", ""), ("other.json", "{}"), ("empty", None)):
        path = project / name
        if content is None:
            path.mkdir()
        elif content:
            path.write_text(content)
        answer = call(project, ["audit", "verify", "--against", str(path)])
        assert answer.code in (EXIT_REFUSED, EXIT_MISUSE)
        assert "FLO-051" in answer.err


def entries(workspace: ms.Workspace) -> list[Recorded]:
    return [
        record
        for record in workspace.runtime.state.iter_events(kind="rows.ingested")
        if record.event.subject == "source.sales"
    ]


def dying(workspace: ms.Workspace, clock: FrozenClock) -> SourceWriter:
    """A writer whose process dies between log and journal."""
    writer = workspace.writer("sales")
    journal = writer.journal
    assert journal is not None
    failing = FailingState(journal.state, Failures(every=1, when="before"))
    return writer.recording(journal._replace(state=failing, clock=clock))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(SECOND)


@pytest.fixture
def workspace(project: Path) -> Iterator[ms.Workspace]:
    return ms.Workspace.open(project)


def test_the_retry_of_a_push_writes_the_entry_that_is_missing(
    workspace: ms.Workspace, clock: FrozenClock
) -> None:
    before = len(entries(workspace))
    row = {"sale": "lost", **SALE}
    with pytest.raises(StoreFailed):
        dying(workspace, clock).write_rows([row])
    assert len(entries(workspace)) == before
    report = workspace.writer("sales").write_rows([row])
    assert (report.accepted, report.duplicates) == (0, 1)
    [entry] = entries(workspace)[before:]
    assert entry.event.facts["found_missing"] is True
    assert entry.event.facts["rows"] == 1
    workspace.writer("sales").write_rows([row])
    assert len(entries(workspace)) == before + 1


def test_another_push_writes_it_once_its_writer_must_be_dead(
    workspace: ms.Workspace, clock: FrozenClock
) -> None:
    before = len(entries(workspace))
    with pytest.raises(StoreFailed):
        dying(workspace, clock).write_rows([{"sale": "lost", **SALE}])
    writer = workspace.writer("sales")
    assert writer.journal is not None
    writer = writer.recording(writer.journal._replace(clock=clock))
    writer.write_rows([{"sale": "one", **SALE}])
    assert len(entries(workspace)) == before + 1
    clock.advance(10 * SECOND)
    writer.write_rows([{"sale": "two", **SALE}])
    found = [entry.event.facts.get("found_missing", False) for entry in entries(workspace)[before:]]
    assert sorted(found) == [False, False, True]
