"""Runs `mainspring` as a user would: in its own process, in the folder of a project."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mainspring.app.demo.stage import DemoOutput

__all__ = ["CommandOutput", "Process", "Shell", "all_output", "end_process"]

_MAIN = "from mainspring.app.cli import main; main()"
_PATIENCE_S = 15.0

Process = subprocess.Popen[str]


@dataclass(frozen=True)
class CommandOutput:
    """What a command printed, both streams in order, and its exit code."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All that was printed."""
        return "\n".join(self.lines)


def all_output(_: str) -> bool:
    """Show each line."""
    return True


@dataclass(frozen=True)
class Shell:
    """A shell in the folder of a project; closing it ends the processes that it started.

    Args:
        stage: prints commands and their output.
    """

    folder: Path
    stage: DemoOutput
    _started: list[Process] = field(default_factory=list)

    def run(
        self, *words: str, code: int = 0, shows: Callable[[str], bool] = all_output
    ) -> CommandOutput:
        """Run a command to its end, and print it and its output as it comes.

        Args:
            code: the exit code that it must end with.
            shows: whether a line is shown; the output is abridged by it.

        Raises: ClaimNotShown FLO-901 when it ends with another code.
        """
        command = " ".join(["mainspring", *words])
        self.stage.command(command)
        lines: list[str] = []
        with subprocess.Popen(
            _command(words),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                if shows(lines[-1]):
                    self.stage.line(lines[-1])
        if process.returncode != code:
            self.stage.lines(line for line in lines if not shows(line))
            self.stage.fail(
                f"`{command}` ends with exit code {code}; it ended with {process.returncode}"
            )
        return CommandOutput(process.returncode, tuple(lines))

    def start(self, *words: str, log: Path) -> Process:
        """Start a command in the background; its output goes to a file."""
        with log.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                _command(words),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def leave(self, process: Process) -> None:
        """Let a process run on when the shell is closed."""
        self._started.remove(process)

    def close(self) -> None:
        """End what is still running."""
        for process in self._started:
            end_process(process)


def end_process(process: Process) -> None:
    """Terminate a process, and kill it if it does not end in time."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE_S)
    if process.poll() is None:
        process.kill()
        process.wait()


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-c", _MAIN, *words]
