"""Tasks as processes on this machine: nothing of the caller leaks in, nothing of the task survives
it.

A task gets the environment variables that are named here and no others (a token in the shell that
started the server is none of a training function's business), a number of threads, and a process
group of its own.  Its first act is to ask the kernel to be killed when its parent dies; that is
done in the child (`engines.local.child`) and not between fork and exec, where code of ours could
block on a lock that another thread held at the fork.

One thread does it all: it waits for the child's standard streams and, through a file descriptor of
the process, for its end.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO

from mainspring.ports.compute import Task, TaskResult
from mainspring.ports.errors import TaskFailed, TaskOverdue

__all__ = ["LocalCompute"]

_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "NUMBA_CACHE_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
)
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)
_CHILD = "mainspring.engines.local.child"
_CHUNK = 65_536
_TRANSCRIPT_LIMIT = 1 << 20
_SHOWN = 2_000


class LocalCompute:
    """Runs tasks as child processes.

    Args:
        environment: variables for the task beside those that are passed on from here (its paths and
            its language); they win.
        threads: how many threads numerical libraries may use.
        on_output: called with what the task prints to standard error, as it comes.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        threads: int = 1,
        on_output: Callable[[str], None] | None = None,
    ) -> None:
        inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._environment = {
            **inherited,
            **dict.fromkeys(_THREADS, str(threads)),
            **(environment or {}),
        }
        self._on_output = on_output

    def run(self, task: Task) -> TaskResult:
        """Run to the end and return the result; ENG-006 when it ends with a fault, ENG-007 when its
        time is up.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", _CHILD, str(os.getpid()), task.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        conversation = _Conversation(process, task.order, self._on_output)
        try:
            in_time = conversation.run(time.monotonic() + task.timeout_s)
        finally:
            cpu_s = _end(process)
            conversation.close()
        if not in_time:
            raise TaskOverdue(
                module=task.module,
                timeout_s=task.timeout_s,
                transcript=conversation.transcript[-_SHOWN:],
            )
        if process.returncode != 0:
            raise TaskFailed(
                module=task.module,
                status=_status(process.returncode),
                transcript=conversation.transcript[-_SHOWN:],
            )
        return TaskResult(bytes(conversation.answer), conversation.transcript, cpu_s)


class _Conversation:
    """The order goes in, answer and transcript come out, until the process ends."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        order: bytes,
        on_output: Callable[[str], None] | None,
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.answer = bytearray()
        self._printed = bytearray()
        self._order = memoryview(order)
        self._on_output = on_output
        self._streams: list[IO[bytes]] = [process.stdin, process.stdout, process.stderr]
        self._ending = os.pidfd_open(process.pid)
        self._selector = selectors.DefaultSelector()
        os.set_blocking(process.stdin.fileno(), False)
        self._selector.register(process.stdin, selectors.EVENT_WRITE, self._send)
        self._selector.register(process.stdout, selectors.EVENT_READ, self._receive_answer)
        self._selector.register(process.stderr, selectors.EVENT_READ, self._receive_print)
        self._selector.register(self._ending, selectors.EVENT_READ, None)

    @property
    def transcript(self) -> str:
        """What was printed, at most the last megabyte."""
        return self._printed.decode(errors="replace")

    def run(self, deadline: float) -> bool:
        """Talk until the process has ended and its streams are empty; False when the deadline
        passes first.
        """
        ended = False
        while True:
            ready = self._selector.select(0 if ended else max(0.0, deadline - time.monotonic()))
            if not ready:
                return ended
            for key, _ in ready:
                if key.data is None:
                    # A grandchild may hold the streams open for ever, so what matters is what they
                    # hold now, not their end.
                    self._selector.unregister(self._ending)
                    ended = True
                else:
                    key.data(key.fileobj)

    def close(self) -> None:
        """Close every descriptor."""
        self._selector.close()
        os.close(self._ending)
        for stream in self._streams:
            with suppress(BrokenPipeError):
                stream.close()

    def _send(self, stream: IO[bytes]) -> None:
        try:
            self._order = self._order[os.write(stream.fileno(), self._order[:_CHUNK]) :]
        except BrokenPipeError:
            # The task ended, or does not care for its order; its status will tell.
            self._order = self._order[:0]
        if not self._order:
            self._finish(stream)

    def _receive_answer(self, stream: IO[bytes]) -> None:
        self.answer += self._receive(stream)

    def _receive_print(self, stream: IO[bytes]) -> None:
        chunk = self._receive(stream)
        self._printed += chunk
        del self._printed[:-_TRANSCRIPT_LIMIT]
        if chunk and self._on_output is not None:
            self._on_output(chunk.decode(errors="replace"))

    def _receive(self, stream: IO[bytes]) -> bytes:
        chunk = os.read(stream.fileno(), _CHUNK)
        if not chunk:
            self._finish(stream)
        return chunk

    def _finish(self, stream: IO[bytes]) -> None:
        self._selector.unregister(stream)
        with suppress(BrokenPipeError):
            stream.close()


def _end(process: "subprocess.Popen[bytes]") -> float:
    """Make sure that the process and its group have ended; the processor time that it and the
    children it waited for took, in seconds.
    """
    # Until it is collected its id is nobody else's, so this kills no stranger; a task that has
    # ended keeps its status, and may have left children.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _status(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
