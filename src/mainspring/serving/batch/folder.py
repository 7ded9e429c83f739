"""The folder of a batch at work: what it was pinned to, and the blocks that are answered.

A block is there whole or not at all: it is written under another name, reaches the disk, and gets
its own name afterwards.  One process works in a folder at a time.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from mainspring.elements.stored import parse_stored, render_stored
from mainspring.serving.batch.errors import BatchOutputUnusable
from mainspring.serving.batch.job import BatchJob

__all__ = ["BatchFolder"]


class BatchFolder:
    """A folder that holds one batch, for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Work in the folder while the block runs.  Raises: BatchOutputUnusable SRV-086 while
        another process does, or where it cannot be made.
        """
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BatchOutputUnusable(
                file=self.path.name, problem=f"has no place to be made in: {error.strerror}"
            ) from error
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BatchOutputUnusable(
                file=self.path.name, problem="is being made by another process"
            ) from error

    def job(self) -> BatchJob | None:
        """The batch that was begun here; None where none was."""
        try:
            return parse_stored((self.path / "job.json").read_bytes(), BatchJob)
        except FileNotFoundError:
            return None

    def begin(self, job: BatchJob) -> None:
        """Write down what is begun here."""
        self._write("job.json", render_stored(job))

    def parts(self) -> list[Path]:
        """The blocks that are answered, in order and without a gap."""
        found = list[Path]()
        while (path := self._part(len(found))).exists():
            found.append(path)
        return found

    def add(self, number: int, answered: pl.DataFrame) -> None:
        """Keep the answers of a block."""
        fresh = self.path / "fresh.parquet"
        with self._opened(fresh) as handle:
            answered.write_parquet(fresh)
            os.fsync(handle)
        fresh.replace(self._part(number))
        self._sync()

    def forget(self) -> None:
        """Remove all that the folder holds but the lock, which whoever waits would not see go."""
        (self.path / "job.json").unlink(missing_ok=True)
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()

    def remove(self) -> None:
        """Remove the folder."""
        self.forget()
        (self.path / "lock").unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()

    def remove_unbegun(self) -> None:
        """Remove the folder of a batch that was refused; one that was begun goes on."""
        if not (self.path / "job.json").exists():
            self.remove()

    def _part(self, number: int) -> Path:
        return self.path / f"part-{number:08}.parquet"

    def _write(self, name: str, payload: bytes) -> None:
        fresh = self.path / f"{name}.fresh"
        with self._opened(fresh) as handle:
            os.write(handle, payload)
            os.fsync(handle)
        fresh.replace(self.path / name)
        self._sync()

    @contextmanager
    def _opened(self, path: Path) -> Iterator[int]:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            yield handle
        finally:
            os.close(handle)

    def _sync(self) -> None:
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
