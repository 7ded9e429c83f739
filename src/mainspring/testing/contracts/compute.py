"""The guarantees of every compute engine.  The tasks are modules of this package: `echo`, `fail`
and `hang` in `testing.tasks`.
"""

import time

import pytest

from mainspring.ports.compute import Compute, Task
from mainspring.ports.errors import TaskFailed, TaskOverdue

__all__ = ["ComputeContract"]

_TASKS = "mainspring.testing.tasks"


class ComputeContract:
    """Override `compute`."""

    @pytest.fixture
    def compute(self) -> Compute:
        """What runs the tasks."""
        raise NotImplementedError

    def test_a_task_reads_its_order_and_gives_its_answer(self, compute: Compute) -> None:
        """Orders larger than a pipe, byte for byte."""
        order = bytes(range(256)) * 1_000
        result = compute.run(Task(f"{_TASKS}.echo", order, 60))
        assert (result.answer, result.transcript) == (order, "echoed 256000 bytes\n")
        assert result.cpu_s > 0

    def test_a_fault_shows_what_the_task_printed_last(self, compute: Compute) -> None:
        """ENG-006."""
        with pytest.raises(TaskFailed, match="this task always fails") as caught:
            compute.run(Task(f"{_TASKS}.fail", b"", 60))
        assert caught.value.status == "status 3"

    def test_a_task_is_killed_when_its_time_is_up(self, compute: Compute) -> None:
        """ENG-007, soon after the time and not after the task's own end."""
        started = time.monotonic()
        with pytest.raises(TaskOverdue, match=r"within 0\.5 s"):
            compute.run(Task(f"{_TASKS}.hang", b"", 0.5))
        assert time.monotonic() - started < 30
