"""The law of code: whatever a fit can run plans to something when it is edited, and how it is
written plans to nothing.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mainspring as ms
from tests.laws.edited_project import EDITS, FILES, NO_EDITS

Edit = tuple[str, str, str, str]

PRINT = """
import sys, mainspring as ms
print(ms.Workspace.open(sys.argv[1]).plan().fingerprints["model.m"].build)
"""


def write_project(folder: Path, edits: Iterable[Edit] = ()) -> Path:
    files = dict(FILES)
    for what, name, before, after in edits:
        assert before in files[name], what
        files[name] = files[name].replace(before, after)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def planned(folder: Path, *edits: Edit) -> str:
    """What the model is planned as, seen through the public door."""
    return ms.Workspace.open(write_project(folder, edits)).plan().fingerprints["model.m"].build


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("code")


@pytest.fixture(scope="module")
def unedited(folder: Path) -> str:
    return planned(folder)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit[0])
def test_an_edit_of_what_the_fit_runs_is_a_change(folder: Path, unedited: str, edit: Edit) -> None:
    assert planned(folder, edit) != unedited


@pytest.mark.parametrize("edit", NO_EDITS, ids=lambda edit: edit[0])
def test_an_edit_of_how_it_is_written_is_none(folder: Path, unedited: str, edit: Edit) -> None:
    assert planned(folder, edit) == unedited


def test_the_seed_of_hashes_and_the_place_of_the_project_change_nothing(
    tmp_path: Path, unedited: str
) -> None:
    def printed(seed: int) -> str:
        place = write_project(tmp_path / f"at-{seed}")
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(
            [sys.executable, "-c", PRINT, place],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert [printed(seed) for seed in (0, 1, 12)] == [unedited] * 3


# Two edits of one file may touch the same text, and then the second has nothing to replace.
apart = st.lists(st.sampled_from(NO_EDITS), max_size=3, unique_by=lambda edit: edit[1])


@given(apart)
@settings(max_examples=15)
def test_no_sum_of_ways_to_write_is_a_change(
    folder: Path, unedited: str, rewritten: list[Edit]
) -> None:
    assert planned(folder, *rewritten) == unedited


@given(apart, st.sampled_from(EDITS))
@settings(max_examples=15)
def test_no_way_to_write_hides_an_edit(
    folder: Path, unedited: str, rewritten: list[Edit], edit: Edit
) -> None:
    elsewhere = [each for each in rewritten if each[1] != edit[1]]
    assert planned(folder, *elsewhere, edit) != unedited


def test_planning_imports_nothing_that_only_the_fit_imports(folder: Path, unedited: str) -> None:
    del unedited
    module = "import pandas_that_is_not_installed\n" + FILES["lib/local.py"]
    edit = ("a package that is not there", "lib/local.py", FILES["lib/local.py"], module)
    assert planned(folder, edit)
