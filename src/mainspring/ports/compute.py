"""The port of compute: heavy work in its own process, on this machine or another."""

from typing import NamedTuple, Protocol

__all__ = ["Compute", "Task", "TaskResult"]


class Task(NamedTuple):
    """A task for a worker process.

    Args:
        module: a module that is run as `python -m module`; it reads `order` on standard input and
            writes its result to standard output.
        order: JSON for the module.
        timeout_s: it is killed after so many seconds.
    """

    module: str
    order: bytes
    timeout_s: float


class TaskResult(NamedTuple):
    """The result of a task, what it printed to standard error, and its processor time."""

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
