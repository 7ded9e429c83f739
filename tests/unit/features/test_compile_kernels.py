"""Compiling ahead: all of the kernel, once, and only where it can be stored."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainspring.features import compile_kernels as ahead
from mainspring.features.compile_kernels import (
    GROUPS,
    are_kernels_stored,
    begin_in_background,
    compile_kernels,
)
from mainspring.features.kernel.machine_code import (
    MachineCode,
    key_file,
    machine_code_folder,
    note,
)

KERNEL = Path(ahead.__file__).with_name("kernel")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has stored nothing yet."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path


def entries_of(path: Path) -> Iterator[str]:
    """The functions of a file that return compiled entries."""
    module = ".".join(path.relative_to(KERNEL).with_suffix("").parts)
    for function in ast.parse(path.read_text(encoding="utf-8")).body:
        called = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
        if isinstance(function, ast.FunctionDef) and "entry_point" in called:
            yield f"{module}:{function.name}"


def test_every_entry_of_the_kernel_is_compiled_ahead() -> None:
    found = {entry for path in KERNEL.rglob("*.py") for entry in entries_of(path)}
    assert found == {entry for group in GROUPS.values() for entry in group}


@pytest.mark.usefixtures("home")
def test_what_is_stored_is_not_compiled_again() -> None:
    assert not are_kernels_stored()
    note(ahead._state())
    assert are_kernels_stored()
    assert not begin_in_background()
    report = compile_kernels()
    assert (report.is_new, report.lines()) == (False, ["the kernels are compiled"])


def test_where_nothing_can_be_stored_nothing_is_begun(home: Path) -> None:
    (home / "settings").write_text("a file where the folder would be")
    assert not begin_in_background()
    assert not are_kernels_stored()
    assert set(compile_kernels().failed) == set(GROUPS)
    assert not machine_code_folder().exists()


@pytest.mark.usefixtures("home")
def test_while_one_compiles_no_other_is_begun_in_the_background_and_who_asks_follows() -> None:
    with MachineCode(ahead._state()).alone():
        assert not begin_in_background()
        assert compile_kernels(groups=[]).compiled == ()


@pytest.mark.usefixtures("home")
def test_a_group_that_fails_is_told_and_nothing_is_taken_for_stored() -> None:
    told: list[tuple[int, int]] = []
    report = compile_kernels(lambda done, total: told.append((done, total)), groups=["no such"])
    assert report.compiled == ()
    assert "no such" in report.failed["no such"]
    assert told == [(0, 0)]
    assert key_file().exists()
    assert not are_kernels_stored()
