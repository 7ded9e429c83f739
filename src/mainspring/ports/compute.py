"""Where heavy work runs: a process of its own, here or elsewhere."""

from typing import NamedTuple, Protocol

__all__ = ["Compute", "Task", "TaskResult"]


class Task(NamedTuple):
    """Work for a process of its own.

    Args:
        module: a module that is run as `python -m module`; it reads `order` on standard input and
            writes its answer to standard output.
        order: JSON for the module.
        timeout_s: after so many seconds it is killed.
    """

    module: str
    order: bytes
    timeout_s: float


class TaskResult(NamedTuple):
    """What came of it: the answer, what it printed to standard error, and the processor time it
    took.
    """

    answer: bytes
    transcript: str
    cpu_s: float


class Compute(Protocol):
    """Runs tasks.

    Guarantees: the task shares no memory with the caller; when the caller dies the task ends.
    Errors: ENG-006 when it exits with a fault (with the end of its transcript), ENG-007 when its
        time is up.
    """

    def run(self, task: Task) -> TaskResult:
        """Run to the end and return the result."""
        ...
