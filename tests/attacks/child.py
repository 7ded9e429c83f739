"""Verbs of the command line run one after the other in a process of their own, so that a hang or a
signal is an outcome and not the end of the tests.

Run as `python -m tests.attacks.child`: a line of JSON with the arguments in, a line with the exit
code and what was printed out.
"""

import contextlib
import io
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

__all__ = ["Outcome", "VerbRunner"]

_TIMEOUT_S = 120.0
"""Long, for on a machine that others use as well a cold start alone takes half a minute."""
_CODED = ("ACC", "DAT", "ENG", "FEA", "FLO", "GAT", "MON", "PRJ", "REG", "SRC", "SRV", "TRA")


@dataclass(frozen=True)
class Outcome:
    """What became of one call.

    Args:
        status: an exit code; `hang`, or `signal 11` where the process did not come to one.
    """

    status: int | str
    out: str
    err: str

    @property
    def code(self) -> str:
        """The code of the error; empty where there was none."""
        word = self.err.lstrip().partition(" ")[0]
        return word if "-" in word or word == "usage" else ""

    @property
    def is_coded(self) -> bool:
        """Whether it went well, or said why not with a code of ours: no traceback, no hang, no
        signal, no fault of our own.
        """
        if self.status == 0:
            return True
        return isinstance(self.status, int) and (
            self.code == "usage"
            or (any(f"{branch}-" in self.err for branch in _CODED) and "MSP-000" not in self.err)
            or (self.status == 1 and not self.err.strip())
        )

    def __str__(self) -> str:
        return "ok" if self.status == 0 else self.code or str(self.status)


class VerbRunner:
    """A child that runs verbs; a new one takes its place when one hangs or dies."""

    def __init__(self, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> "VerbRunner":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def run(self, arguments: Sequence[str]) -> Outcome:
        """What becomes of a call of `mainspring` with these arguments."""
        child = self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(list(arguments)) + "\n")
        child.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            if not selector.select(self._timeout_s):
                self.end()
                return Outcome("hang", "", "")
        line = child.stdout.readline()
        if not line:
            status = child.wait()
            self.end()
            return Outcome(f"signal {-status}" if status < 0 else f"died {status}", "", "")
        return Outcome(*json.loads(line))

    def _started(self) -> "subprocess.Popen[str]":
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.attacks.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        return self._child

    def end(self) -> None:
        """Stop the child; the next call starts another one."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


class _Announced(io.StringIO):
    """Standard output of a server: once it says where it answers it is asked to stop."""

    def write(self, text: str) -> int:
        if text.startswith("Serving "):
            threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM]).start()
        return super().write(text)


def _called(arguments: Sequence[str]) -> tuple[int, str, str]:
    from mainspring.app.cli import command_line
    from mainspring.app.cli.faults import run_to_exit_code

    def command(given: Sequence[str]) -> object:
        return command_line.main(list(given), prog_name="mainspring", standalone_mode=False)

    out, err = _Announced(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_to_exit_code(command, arguments)
    return code, out.getvalue(), err.getvalue()


def main() -> None:
    """Answer calls until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(_called(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
