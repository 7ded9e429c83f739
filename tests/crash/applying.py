"""Apply a project, and kill this very process when a step begins or has ended: `python -m
tests.crash.applying PROJECT [when:number]`.
"""

import os
import signal
import sys
from pathlib import Path

from mainspring.app.workspace import Workspace
from mainspring.flow.step import Step, StepOutcome


class Killer:
    """An observer that ends the process with SIGKILL at the n-th beginning or end of a step."""

    def __init__(self, when: str) -> None:
        self.when, number = when.split(":")
        self.left = int(number)

    def on_started(self, _: Step) -> None:
        """Die here if this is the one."""
        self._count("start")

    def on_finished(self, _step: Step, _outcome: StepOutcome, reused: bool) -> None:
        """Die here if this is the one; what was found done does not count."""
        if not reused:
            self._count("end")

    def _count(self, event: str) -> None:
        self.left -= event == self.when
        if self.left == 0 and event == self.when:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Apply, and say which stages were found done."""
    workspace = Workspace.open(Path(sys.argv[1]))
    report = workspace.apply(observer=Killer(sys.argv[2]) if len(sys.argv) > 2 else None)
    print(report.performed, report.reused)


if __name__ == "__main__":
    main()
