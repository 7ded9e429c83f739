"""Damaged files: whatever happened to one, a verb works or says with a code which file it is and
what to do; it never hangs, never dies by a signal, and what does not need the file goes on.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.attacks.child import VerbRunner
from tests.attacks.damages import (
    DAMAGES,
    DOCUMENT_DAMAGES,
    Damage,
    cut_in_half,
    damage_named,
    put_a_pipe,
)
from tests.attacks.small_workspace import copied, make_small_workspace, verbs_of

VERBS = ("status", "predict", "plan")
SELECTED = (
    "state database: cut to a byte",
    "state database: cut in half",
    "state database: cut at the end",
    "state database: garbage",
    "state database: a folder in its place",
    "state database: a pipe in its place",
    "state database: the WAL of another",
    "state.db-wal is a pipe",
    "journal: invalid UTF-8",
    "documents: versions of text",
    "log database: a pipe in its place",
    "log.db: frames cut",
    "log.db: batches missing",
    "log.db: heads of text",
    "log.db: frames of others",
    "inference log: a device in its place",
    "log-inference.db: frames of garbage",
    "online rows: cut in half",
    "online rows: a pipe in its place",
    "online rows: a dangling link",
    "online rows: only 3 pages",
    "online rows: a huge map",
    "online rows: a root outside",
    "online rows: a bit flipped in every page",
    "online rows' lock: a pipe in its place",
    "tester key: garbage",
    "tester key: a device in its place",
    "token: a pipe in its place",
    "project settings: a pipe in its place",
    "declarations: a pipe in its place",
    "source file: a pipe in its place",
    "object: a pipe in its place",
    "objects: of other content",
    "objects: odd names",
    "table's log: its first entry is missing",
    "table's data: cut in half",
    "tables exchanged",
    "state folder: a file in its place",
    "environment documents: cut in half",
    "environment documents: wrong types",
    "environment documents: huge numbers",
    "version documents: null",
    "attestation documents: invalid UTF-8",
    "build documents: a list",
    "definition documents: empty",
    "workspace documents: an empty record",
    "step documents: numbers beyond time",
)
GO_ON = {
    "online rows: cut in half": ("status", "plan"),
    "online rows: a pipe in its place": ("status", "plan"),
    "online rows: a dangling link": ("status", "plan"),
    "tester key: garbage": ("plan",),
    "tester key: a device in its place": ("plan",),
    "token: a pipe in its place": VERBS,
    "declarations: a pipe in its place": ("status", "predict"),
    "source file: a pipe in its place": ("status", "predict"),
    "table's data: cut in half": VERBS,
    "table's log: its first entry is missing": ("predict", "plan"),
    "object: a pipe in its place": ("plan",),
    "step documents: numbers beyond time": ("status", "predict"),
    "objects: odd names": VERBS,
}
"""What of the three verbs needs none of what a damage hits."""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_workspace(tmp_path_factory.mktemp("origin"))


@pytest.fixture(scope="module")
def runner() -> Iterator[VerbRunner]:
    with VerbRunner() as running:
        yield running


@pytest.mark.parametrize("name", SELECTED)
def test_a_damaged_file_is_named_or_not_needed(
    origin: Path, runner: VerbRunner, tmp_path: Path, name: str
) -> None:
    damage = damage_named(name)
    project = copied(origin, tmp_path)
    damage.apply(project)
    for verb in VERBS:
        outcome = runner.run([*verbs_of(project)[verb], "--project", str(project)])
        assert outcome.is_coded, (verb, outcome)
        assert "→" in outcome.err or outcome.status == 0, (verb, outcome)
        assert not damage.names or outcome.status == 0 or names_one(outcome.err, damage), outcome
        assert outcome.status == 0 or verb not in GO_ON.get(name, ()), (verb, outcome)


def names_one(text: str, damage: Damage) -> bool:
    """Whether a message has the name of the damaged file in it, or that of a companion."""
    return any(name in " ".join(text.split()) for name in damage.names)


@pytest.mark.parametrize("harm", [cut_in_half, put_a_pipe])
def test_damaged_online_rows_in_sqlite_stop_no_status(
    origin: Path, runner: VerbRunner, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    project = copied(origin, tmp_path)
    with (project / "project.toml").open("a") as settings:
        settings.write('[engines]\nonline = "sqlite"\n')
    asked = [*verbs_of(project)["predict"], "--project", str(project)]
    assert runner.run(asked).status == 0
    for file in (project / ".mainspring").glob("online-rows.db-*"):
        file.unlink()
    harm(project / ".mainspring" / "online-rows.db")
    outcome = runner.run(asked)
    assert outcome.is_coded, outcome
    assert "online-rows.db" in outcome.err, outcome
    assert runner.run([*verbs_of(project)["status"], "--project", str(project)]).status == 0


@pytest.mark.parametrize(
    "name", ["online rows: cut in half", "online rows: a dangling link"], ids=str
)
def test_a_server_that_cannot_answer_says_why(
    origin: Path, runner: VerbRunner, tmp_path: Path, name: str
) -> None:
    project, damage = copied(origin, tmp_path), damage_named(name)
    damage.apply(project)
    outcome = runner.run([*verbs_of(project)["serve"], "--project", str(project)])
    assert outcome.is_coded, outcome
    assert names_one(outcome.err, damage), outcome


@pytest.mark.parametrize(
    ("name", "verb", "code"),
    [
        ("table's data: empty", "gc", "ENG-010"),
        ("table's data: garbage", "gc", "ENG-010"),
        ("build documents: missing", "promote", "REG-009"),
    ],
)
def test_a_verb_that_needs_what_is_damaged_says_so(
    origin: Path, runner: VerbRunner, tmp_path: Path, name: str, verb: str, code: str
) -> None:
    """A join of small files died within Polars; a promotion was a bug of ours."""
    project = copied(origin, tmp_path)
    damage_named(name).apply(project)
    outcome = runner.run([*verbs_of(project)[verb], "--project", str(project)])
    assert outcome.code == code, outcome


def test_a_pipe_in_the_place_of_the_owners_token_is_replaced(
    origin: Path, runner: VerbRunner, tmp_path: Path
) -> None:
    project = copied(origin, tmp_path)
    damage_named("token: a pipe in its place").apply(project)
    outcome = runner.run([*verbs_of(project)["serve"], "--project", str(project)])
    assert outcome.status == 0, outcome
    assert (project / ".mainspring" / "token").is_file()


def test_every_verb_works_where_nothing_is_damaged(
    origin: Path, runner: VerbRunner, tmp_path: Path
) -> None:
    refused = {"auth revoke", "restore", "rollback", "run", "simulate", "quarantine release"}
    project = copied(origin, tmp_path)
    for verb, arguments in verbs_of(project).items():
        if verb not in refused:
            outcome = runner.run([*arguments, "--project", str(project)])
            assert outcome.status == 0, (verb, outcome)


def test_there_are_thirty_three_kinds_of_damage_at_least() -> None:
    assert len(SELECTED) >= 33
    assert len({damage.name for damage in (*DAMAGES, *DOCUMENT_DAMAGES)}) == len(DAMAGES) + len(
        DOCUMENT_DAMAGES
    )
