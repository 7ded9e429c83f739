"""Caches of machine code: what this user did not store is not opened."""

import ast
import os
import pickle
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numba.core.caching import FunctionCache

import mainspring
from mainspring.features.kernel.jit import entry_point
from mainspring.features.kernel.machine_code import MachineCode, key_file, machine_code_folder

LENGTH = np.zeros(1, dtype=np.int64)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has stored nothing yet."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Command:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch it-ran",)


def doubled(numbers):
    """Double a number in place; compiled anew by each call of `compiled`."""
    numbers[0] *= 2


def compiled() -> int:
    """What the function answers, compiled or read from the store."""
    numbers = np.array([21], dtype=np.int64)
    entry_point(doubled, LENGTH)(numbers)
    return int(numbers[0])


def entries() -> list[Path]:
    return sorted(machine_code_folder().glob("*.code"))


def test_machine_code_is_stored_once_for_its_owner_alone(home: Path) -> None:
    assert (compiled(), compiled()) == (42, 42)
    [entry] = entries()
    before = entry.stat().st_mtime_ns
    assert (compiled(), entry.stat().st_mtime_ns) == (42, before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*") if path.is_dir()} == {
        0o700
    }


@pytest.mark.parametrize("kept", [0, 32])
def test_a_planted_entry_is_not_opened(kept: int, home: Path) -> None:
    compiled()
    [entry] = entries()
    entry.write_bytes(entry.read_bytes()[:kept] + pickle.dumps(Command()))
    assert compiled() == 42
    assert not (home / "it-ran").exists()


def test_an_entry_of_another_function_is_not_opened_in_its_place() -> None:
    MachineCode("one").save("key", "of one")
    [one] = entries()
    MachineCode("two").save("key", "of two")
    [two] = set(entries()) - {one}
    two.write_bytes(one.read_bytes())
    assert MachineCode("one").load("key") == "of one"
    assert MachineCode("two").load("key") is None


def test_an_index_where_numba_would_look_is_not_opened(home: Path) -> None:
    cache = FunctionCache(doubled)
    index = Path(cache._cache_file._index_path)
    index.parent.mkdir(exist_ok=True)
    index.write_bytes(pickle.dumps(Command()))
    try:
        assert compiled() == 42
    finally:
        index.unlink()
    assert not (home / "it-ran").exists()


@pytest.mark.parametrize("mode", [0o640, 0o606, 0o644])
def test_a_key_that_others_may_use_seals_nothing(mode: int) -> None:
    MachineCode("f").save("key", "data")
    key_file().chmod(mode)
    assert MachineCode("f").load("key") is None
    MachineCode("g").save("key", "data")
    assert len(entries()) == 1


def test_an_entry_in_a_folder_that_others_may_write_is_not_opened() -> None:
    MachineCode("f").save("key", "data")
    machine_code_folder().chmod(0o777)
    assert MachineCode("f").load("key") is None


def test_links_are_not_followed(home: Path) -> None:
    victim = home / "victim"
    victim.write_text("as it was")
    MachineCode("f").save("key", "data")
    [entry] = entries()
    entry.unlink()
    entry.symlink_to(victim)
    assert MachineCode("f").load("key") is None
    MachineCode("f").save("key", "data")
    assert (victim.read_text(), MachineCode("f").load("key")) == ("as it was", "data")


def test_without_a_place_for_the_key_code_is_compiled(home: Path) -> None:
    (home / "settings").write_text("a file where the folder would be")
    assert compiled() == 42
    assert entries() == []


def test_who_comes_second_waits_for_who_compiles() -> None:
    inside = threading.Event()

    def enter() -> None:
        with MachineCode("f").alone():
            inside.set()

    with ThreadPoolExecutor(1) as second:
        with MachineCode("f").alone():
            assert MachineCode("f").is_held()
            assert not MachineCode("g").is_held()
            waiting = second.submit(enter)
            assert not inside.wait(0.05)
        waiting.result(timeout=10)
    assert inside.is_set()
    assert not MachineCode("f").is_held()


def test_a_lock_that_others_could_hold_is_not_waited_for() -> None:
    with MachineCode("f").alone():
        machine_code_folder().chmod(0o777)
        assert not MachineCode("f").is_held()
        with MachineCode("f").alone():
            pass


def test_a_lock_that_is_a_link_is_not_followed(home: Path) -> None:
    with MachineCode("f").alone():
        pass
    [lock] = machine_code_folder().glob("*.lock")
    lock.unlink()
    lock.symlink_to(home / "victim")
    with MachineCode("f").alone():
        pass
    assert not (home / "victim").exists()


def test_one_module_reads_pickles_and_it_reads_sealed_ones() -> None:
    readers = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "torch"}
    root = Path(mainspring.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        if name.partition(".")[0] in readers
    }
    assert found == {"features/kernel/machine_code.py"}


READS_PICKLES = "import pickle, sys; import mainspring.app.serve; print(*sys.modules)"


def test_no_server_imports_what_reads_pickles_of_models() -> None:
    found = subprocess.run(
        [sys.executable, "-c", READS_PICKLES], check=True, capture_output=True, text=True
    ).stdout.split()
    assert {"joblib", "cloudpickle", "dill", "torch", "sklearn", "shelve"} & set(found) == set()
