"""The files of the inference log: one for each segment, so that servers never wait for each other.

SQLite lets one process at a time write to a file.  Each process that answers appends to a segment
of its own, and what an earlier release wrote lies in a file without one.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from mainspring.engines.local.frames import PREDICTIONS
from mainspring.engines.local.ids.index import IdIndex
from mainspring.engines.local.sqlite import SqliteDatabase

__all__ = ["InferenceFile", "InferenceFiles"]

_SEGMENT = re.compile(rf"{PREDICTIONS}[^:]*:[^:]*:([0-9]{{1,4}})")
_SEGMENT_FILE = re.compile(r"-([0-9]{1,4})")


class InferenceFile(NamedTuple):
    """A file of the log and the index of its ids."""

    database: SqliteDatabase
    ids: IdIndex


class InferenceFiles:
    """Opens each file when it is first needed.

    Args:
        path: of the file without a segment; those of segments lie beside it, with their numbers in
            their names.  None keeps everything in memory.
        opened: opens the file at a path.
    """

    def __init__(
        self,
        path: Path | None,
        opened: Callable[[Path | None], SqliteDatabase],
        index: Callable[[], IdIndex],
    ) -> None:
        self._path, self._opened, self._index = path, opened, index
        self._files = {"": InferenceFile(opened(path), index())}
        self._lock = Lock()

    def of(self, topic: str) -> InferenceFile:
        """The file of a topic."""
        found = _SEGMENT.fullmatch(topic)
        segment = found[1] if found else ""
        return self._files.get(segment) or self._file(segment)

    def all(self) -> list[InferenceFile]:
        """Every file that is there, also of other processes."""
        return [self._file(segment) for segment in sorted({*self._files, *self._beside()})]

    def close(self) -> None:
        """Close them all; using one afterwards is a fault."""
        for file in self._files.values():
            file.database.close()

    def _file(self, segment: str) -> InferenceFile:
        with self._lock:
            if segment not in self._files:
                path = self._path and self._path.with_stem(f"{self._path.stem}-{segment}")
                self._files[segment] = InferenceFile(self._opened(path), self._index())
            return self._files[segment]

    def _beside(self) -> Iterator[str]:
        """The segments whose files lie on the disk."""
        if self._path is None:
            return
        stem, suffix = self._path.stem, self._path.suffix
        for path in self._path.parent.glob(f"{stem}-*{suffix}"):
            if found := _SEGMENT_FILE.fullmatch(path.stem.removeprefix(stem)):
                yield found[1]
