"""The starter's shop, applied and served by a process of its own, for what calls servers."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.called_server import COMMAND, serving

__all__ = ["ROW", "ServedShop", "run", "served_shop"]

ROW = {"shop": "north", "distance_km": 2.5, "ordered_at": "2024-03-30T10:00:00Z"}


class ServedShop(NamedTuple):
    """A project, and the address of its server."""

    folder: Path
    url: str

    @property
    def token_file(self) -> Path:
        """Where its owner's token is."""
        return self.folder / ".mainspring" / "token"

    @property
    def token(self) -> str:
        """The owner's token."""
        return self.token_file.read_text().strip()


def run(*words: str | Path, cwd: Path) -> str:
    """What a command prints."""
    done = subprocess.run([COMMAND, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def served_shop(parent: Path) -> Iterator[ServedShop]:
    """Make the starter's shop, apply it, and serve it."""
    run("init", "shop", cwd=parent)
    folder = parent / "shop"
    run("apply", cwd=folder)
    with serving(folder) as url:
        yield ServedShop(folder, url)
