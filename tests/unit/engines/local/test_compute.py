"""A task sees what it is given and leaves nothing behind."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from mainspring.engines.local.compute import LocalCompute
from mainspring.engines.local.process import ProcessName, is_dead, this_process
from mainspring.ports.compute import Task
from mainspring.ports.errors import TaskFailed

PARENT = """
from mainspring.engines.local.compute import LocalCompute
from mainspring.ports.compute import Task
echo = lambda text: print(text, end="", flush=True)
LocalCompute({"PYTHONPATH": "."}, on_output=echo).run(Task("task", b"", 600))
"""
PRINT_NAME_AND_HANG = """
import signal, sys
from mainspring.engines.local.process import this_process
me = this_process()
print(me.pid, me.started, file=sys.stderr, flush=True)
signal.pause()
"""
LEAVE_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "child"], stderr=subprocess.PIPE)
sys.stderr.write(child.stderr.readline().decode())
"""


@pytest.fixture
def run_task(tmp_path: Path) -> LocalCompute:
    return LocalCompute({"PYTHONPATH": str(tmp_path)}, threads=2)


def name_from(line: str) -> ProcessName:
    pid, started = map(int, line.split())
    return ProcessName(this_process().place, pid, started)


def test_a_task_gets_no_variable_that_is_not_named(
    tmp_path: Path, run_task: LocalCompute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINSPRING_TOKEN", "secret")
    (tmp_path / "task.py").write_text("import os\nprint(sorted(os.environ.items()))")
    compute = LocalCompute({"PYTHONPATH": str(tmp_path)}, threads=2)
    answer = compute.run(Task("task", b"", 60)).answer.decode()
    assert "secret" not in answer
    assert "('OMP_NUM_THREADS', '2')" in answer


def has_ended(process: ProcessName) -> bool:
    """Whether it ends within half a minute."""
    if is_dead(process):
        return True
    ending = os.pidfd_open(process.pid)
    poll = select.poll()
    poll.register(ending, select.POLLIN)
    ready = poll.poll(30_000)
    os.close(ending)
    return bool(ready)


def test_what_a_task_started_ends_with_it(tmp_path: Path, run_task: LocalCompute) -> None:
    (tmp_path / "task.py").write_text(LEAVE_A_CHILD)
    (tmp_path / "child.py").write_text(PRINT_NAME_AND_HANG)
    assert has_ended(name_from(run_task.run(Task("task", b"", 60)).transcript))


def test_a_task_that_reads_no_order_may_get_a_large_one(
    tmp_path: Path, run_task: LocalCompute
) -> None:
    (tmp_path / "task.py").write_text("print('done')")
    assert run_task.run(Task("task", bytes(1_000_000), 60)).answer == b"done\n"


def test_a_task_killed_from_outside_is_a_fault_with_the_signal(
    tmp_path: Path, run_task: LocalCompute
) -> None:
    (tmp_path / "task.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)")
    with pytest.raises(TaskFailed, match="signal SIGTERM"):
        run_task.run(Task("task", b"", 60))


def test_a_task_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(PRINT_NAME_AND_HANG)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        task = name_from(parent.stdout.readline())
        assert not is_dead(task)
        parent.kill()
    assert has_ended(task)
