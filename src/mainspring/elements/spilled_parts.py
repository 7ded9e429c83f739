"""Frames divided into parts on disk, by the key that their rows have or by anything else.

Each frame that is added becomes one file whose rows lie by part, so that a part is one stretch of
every file: nothing is read that belongs to another, and there are as many files as frames, however
many parts there are.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["SpilledParts", "joined_frames", "part_of_key"]

Ints = NDArray[np.int64]

_ROWS_IN_FILE = 2_000_000
"""So many rows that opening the files again for each part does not count."""


class SpilledParts:
    """Rows by part.

    Args:
        folder: for these files alone; it is made.
        number: how many parts there are, at most 65,535.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self._folder, self._starts = folder, list[Ints]()
        folder.mkdir()

    def add(self, frame: pl.DataFrame, part: pl.Series) -> Ints:
        """Write the rows of a frame, and return in which order they lie now: by part, and in the
        frame's order inside each.
        """
        own = part.to_numpy()
        order = np.argsort(own, kind="stable")
        counts = np.bincount(own, minlength=self.number)
        ordered = pl.DataFrame([_taken(column, order) for column in frame.iter_columns()])
        ordered.write_ipc(self._path(len(self._starts)), compression="uncompressed")
        self._starts.append(np.concatenate([[0], np.cumsum(counts)]))
        return order

    def places(self, part: int) -> Ints:
        """Where in a part the rows of each file begin, and where the last of them end."""
        sizes = [int(starts[part + 1] - starts[part]) for starts in self._starts]
        return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def read(self, part: int) -> list[pl.DataFrame]:
        """The rows of a part as they were added, from each file a frame."""
        return [self.read_from(file, part) for file in range(len(self._starts))]

    def read_from(self, file: int, part: int) -> pl.DataFrame:
        """The rows of a part that one of the frames added had."""
        starts = self._starts[file]
        size = int(starts[part + 1] - starts[part])
        return pl.scan_ipc(self._path(file)).slice(int(starts[part]), size).collect()

    def _path(self, file: int) -> Path:
        return self._folder / f"{file:06}.arrow"


def _taken(column: pl.Series, order: Ints) -> pl.Series:
    """The values in this order."""
    if not column.dtype.is_numeric() or column.null_count():
        return column.gather(order)
    # A tenth of the time that Polars takes; with any mode but the default nothing is copied first.
    return pl.Series(column.name, np.take(column.to_numpy(), order, mode="clip"))


def part_of_key(columns: Sequence[str], number: int) -> pl.Expr:
    """The part of a row with its key in these columns.

    Equal keys have equal parts where their types are equal: numbers of another width are hashed
    otherwise.
    """
    key = pl.col(columns[0]) if len(columns) == 1 else pl.struct(columns)
    return (key.hash() % number).cast(pl.UInt16)


def joined_frames(
    frames: Iterable[pl.DataFrame], rows: int = _ROWS_IN_FILE
) -> Iterator[pl.DataFrame]:
    """The same rows in fewer frames, of about so many each."""
    waiting = list[pl.DataFrame]()
    for frame in frames:
        waiting.append(frame)
        if sum(each.height for each in waiting) >= rows:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)
