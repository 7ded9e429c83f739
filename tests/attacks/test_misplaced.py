"""A record under the key of another is not believed, and what a protected environment opens outside
of its server is what is proven there.

Nothing here is forged: whole documents of the state are put in the places of others.
"""

import sqlite3
from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from mainspring.elements.errors import RecordUnreadable
from mainspring.flow.read import iter_finished_steps, iter_runs
from mainspring.registry.read import find_version, iter_versions
from mainspring.registry.read_environment import (
    read_build,
    read_definition,
    read_environment,
    read_past_environment,
)
from mainspring.serving.errors import ModelRefused
from tests.attacks.disk import Disk, label_of, refusal_of
from tests.copies import copied_tree

AS_OF = "2024-01-17T16:00:00Z"


@pytest.fixture
def project(promoted: Path, tmp_path: Path) -> Path:
    return copied_tree(promoted, tmp_path / "desk")


def opened(project: Path, env: str = "staging") -> Workspace:
    return Workspace.open(project, env, as_of=AS_OF)


def exchange(project: Path, kind: str, one: str, other: str) -> None:
    """Put each of two documents under the key of the other."""
    disk = Disk(project)
    first, second = disk.read(kind, one), disk.read(kind, other)
    disk.write(kind, one, second)
    disk.write(kind, other, first)


def rotate(project: Path, kind: str) -> None:
    """Put each document of a kind under the key of the next one."""
    with sqlite3.connect(project / ".mainspring" / "state.db") as database:
        sql = "SELECT key, payload FROM documents WHERE kind = ? ORDER BY key"
        found = database.execute(sql, (kind,)).fetchall()
        sql = "UPDATE documents SET payload = ? WHERE kind = ? AND key = ?"
        for (key, _), (_, payload) in zip(found, [*found[1:], found[0]], strict=True):
            database.execute(sql, (payload, kind, key))


def keys(project: Path, kind: str, asset: str) -> list[str]:
    state = opened(project, "dev").runtime.state
    return [document.key for document in state.iter_documents(kind, f"{asset}/")]


def refused() -> "pytest.RaisesContext[RecordUnreadable]":
    return pytest.raises(RecordUnreadable, match="put under this one")


def test_a_build_of_one_model_is_not_that_of_another(project: Path) -> None:
    exchange(
        project,
        "build",
        keys(project, "build", "model.slow")[0],
        keys(project, "build", "model.quick")[0],
    )
    state = opened(project, "dev").runtime.state
    pointer = read_environment(state, "dev").pointers["model.slow"]
    with refused():
        read_build(state, "model.slow", pointer.build_fingerprint)


def test_a_definition_of_one_model_is_not_that_of_another(project: Path) -> None:
    state = opened(project, "dev").runtime.state
    pointer = read_environment(state, "dev").pointers["model.slow"]
    rotate(project, "definition")
    with refused():
        read_definition(state, pointer)


def test_a_version_of_one_model_is_not_that_of_another(project: Path) -> None:
    exchange(project, "version", "slow/000001", "quick/000001")
    state = opened(project, "dev").runtime.state
    with refused():
        list(iter_versions(state, "slow"))
    with refused():
        find_version(state, "slow@v1")


def test_a_map_of_one_environment_is_not_that_of_another(project: Path) -> None:
    exchange(project, "environment", "dev", "staging")
    state = opened(project, "dev").runtime.state
    with refused():
        read_environment(state, "dev")


def test_an_earlier_map_is_not_another_one(project: Path) -> None:
    exchange(project, "environment", "staging/00000001", "staging/00000002")
    with refused():
        read_past_environment(opened(project, "dev").runtime.state, "staging", 1)


def test_a_step_and_a_run_are_found_by_their_own_names(project: Path) -> None:
    rotate(project, "step")
    rotate(project, "run")
    state = opened(project, "dev").runtime.state
    with refused():
        list(iter_finished_steps(state))
    with refused():
        list(iter_runs(state))


def test_a_token_is_not_worth_what_another_is(project: Path) -> None:
    tokens = opened(project, "dev").tokens
    weak = tokens.create("service:shop", ["predict"])
    strong = tokens.create("service:admin", ["operate"])
    rotate(project, "token")
    state = {listing.id: listing.state for listing in opened(project, "dev").tokens.list()}
    assert {state[weak.listing.id], state[strong.listing.id]} == {"unreadable"}


def test_a_foreign_map_in_a_protected_environment_falls_back(project: Path) -> None:
    running = opened(project).host()
    exchange(project, "environment", "dev", "staging")
    assert running.refresh()
    assert (label_of(running), "put under this one" in refusal_of(running)) == ("slow v1", True)
    assert label_of(opened(project).host()) == "slow v1"
    assert opened(project).load_model("slow").version.label == "slow v1"


def test_a_model_without_its_verdicts_is_not_opened(project: Path) -> None:
    assert opened(project).load_model("slow").version.label == "slow v1"
    Disk(project).remove("attestation")
    with pytest.raises(ModelRefused):
        opened(project).load_model("slow")
    with pytest.raises(ModelRefused):
        opened(project).simulate(start="2024-01-15", days=1)
    assert opened(project, "dev").load_model("slow").version.label == "slow v1"


def test_a_model_in_the_place_of_another_is_neither_opened_nor_shown(project: Path) -> None:
    disk = Disk(project)

    def swap(document: dict[str, dict[str, dict[str, str]]]) -> None:
        other = document["pointers"]["model.quick"]
        document["pointers"]["model.slow"] = other | {"asset": "model.slow"}

    disk.edit_map(swap)
    assert opened(project).models.report("slow").label == "slow v1"
    with pytest.raises(ModelRefused, match="another map"):
        opened(project).load_model("slow")
    disk.remove("release")
    with pytest.raises(ModelRefused, match="release missing"):
        opened(project).load_model("slow")


def test_a_version_that_the_environment_does_not_hold_is_not_opened(project: Path) -> None:
    dev = opened(project, "dev")
    state = dev.runtime.state
    [version] = iter_versions(state, "quick")
    disk = Disk(project)
    disk.edit_map(lambda each: each["pointers"].pop("model.quick"))
    with pytest.raises(ModelRefused):
        opened(project).load_model(version.digest)
    assert dev.load_model(version.digest).version == version
