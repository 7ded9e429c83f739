"""The projects of the demo: two copies of the examples that ship with the package, in a new folder,
and the data that both read.
"""

import difflib
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from mainspring.app.demo.shell import Shell
from mainspring.app.demo.stage import DemoOutput
from mainspring.app.workspace import Workspace
from mainspring.project.config.config import STATE_FOLDER
from mainspring.registry.read import iter_versions
from mainspring.registry.version import ModelVersion

__all__ = ["AS_OF", "Scale", "Scene", "wait_until"]

AS_OF = "2013-10-15T12:00:00Z"
"""The present time of the data: the demo serves historical data."""

_PERIOD_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The size of the demo.

    Args:
        simulated_days: from 1 October on; the fault is injected after half of them.
        load_s: how long requests are sent before and after the rollback, together.
        edits: texts to replace in both projects before anything runs, for a smaller model.
    """

    simulated_days: int = 31
    load_s: float = 4.0
    replayed: int = 1_000
    edits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """The two projects, each with a shell in it."""

    folder: Path
    stage: DemoOutput
    scale: Scale
    honest: Shell
    leaky: Shell

    @classmethod
    def set_up(cls, folder: Path, stage: DemoOutput, scale: Scale) -> "Scene":
        """Copy the projects into a folder."""
        examples = files("mainspring") / "examples"
        for name in ("flights", "flights_leaky"):
            (folder / name).mkdir(parents=True)
            for item in (examples / name).iterdir():
                if item.name.endswith((".py", ".toml")):
                    (folder / name / item.name).write_text(
                        _edited(item.read_text(encoding="utf-8"), scale.edits), encoding="utf-8"
                    )
        settings = folder / "flights" / "project.toml"
        text = settings.read_text(encoding="utf-8")
        for environment in ("dev", "staging"):
            text = text.replace(
                f"[environments.{environment}]\n",
                f'[environments.{environment}]\nas_of = "{AS_OF}"\n',
            )
        settings.write_text(text, encoding="utf-8")
        return cls(
            folder,
            stage,
            scale,
            Shell(folder / "flights", stage),
            Shell(folder / "flights_leaky", stage),
        )

    def open(self, env: str = "dev") -> Workspace:
        """The workspace of the honest project."""
        return Workspace.open(self.honest.folder, env)

    def versions(self, shell: Shell) -> list[ModelVersion]:
        """The versions that a project has made, oldest first."""
        return list(iter_versions(Workspace.open(shell.folder).runtime.state))

    @property
    def state(self) -> Path:
        """The folder with the state of the honest project."""
        return self.honest.folder / STATE_FOLDER

    def edit(self, name: str, before: str, after: str, *, shown: bool = True) -> None:
        """Replace a text that occurs once in a file of the honest project, and print the diff."""
        path = self.honest.folder / name
        old = path.read_text(encoding="utf-8")
        if old.count(before) != 1:
            self.stage.fail(f"{name} says {before!r} once")
        new = old.replace(before, after)
        path.write_text(new, encoding="utf-8")
        if not shown:
            return
        self.stage.command(f"$EDITOR {name}")
        difference = difflib.unified_diff(
            old.splitlines(), new.splitlines(), name, name, n=1, lineterm=""
        )
        self.stage.lines(line for line in difference if not line.startswith(("---", "+++")))

    def close(self, *, remove: bool) -> None:
        """End running processes, and remove the folder if `remove`."""
        for shell in (self.honest, self.leaky):
            shell.close()
        if remove:
            shutil.rmtree(self.folder)


def wait_until(happened: Callable[[], bool], *, timeout_s: float = 60.0) -> bool:
    """Check every 20 ms whether something has happened; False if it has not in time."""
    pause, deadline = threading.Event(), time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > deadline:
            return False
        pause.wait(_PERIOD_S)
    return True


def _edited(text: str, edits: Mapping[str, str]) -> str:
    for before, after in edits.items():
        text = text.replace(before, after)
    return text
