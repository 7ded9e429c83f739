"""Runs: what the commits of a shard append, each in one stretch of the file, and an index of those
that still count, kept in memory by whoever reads or writes the shard.

A run holds the keys that its commit put a row for, whose older appendices count no more, and for
other keys what was appended.  Runs are numbered by the commits that wrote them and never change, so
an index follows a shard by reading each run once.  The runs before the first in which anything
counts are gone from the file.
"""

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise

__all__ = ["ParsedRun", "RunIndex", "parse_run", "render_run"]

ParsedRun = tuple[Sequence[bytes], Mapping[bytes, bytes]]
"""The keys that rows were put for, and what was appended."""

_FOLLOWING = -1
_COUNTS = struct.Struct("<II")
_KEY_SIZE, _PIECE_SIZE = "H", "I"


def render_run(replaced: Iterable[bytes], appended: Mapping[bytes, bytes]) -> bytes:
    """The bytes of a run; `parse_run` is the inverse."""
    replaced = list(replaced)
    keys = [*replaced, *appended]
    pieces = appended.values()
    return b"".join(
        [
            _COUNTS.pack(len(replaced), len(appended)),
            struct.pack(f"<{len(keys)}{_KEY_SIZE}", *map(len, keys)),
            struct.pack(f"<{len(pieces)}{_PIECE_SIZE}", *map(len, pieces)),
            *keys,
            *pieces,
        ]
    )


def parse_run(payload: bytes) -> ParsedRun:
    """The keys that rows were put for, and what was appended."""
    replaced, appended = _COUNTS.unpack_from(payload)
    at = _COUNTS.size
    key_sizes = struct.unpack_from(f"<{replaced + appended}{_KEY_SIZE}", payload, at)
    at += struct.calcsize(f"<{replaced + appended}{_KEY_SIZE}")
    piece_sizes = struct.unpack_from(f"<{appended}{_PIECE_SIZE}", payload, at)
    at += struct.calcsize(f"<{appended}{_PIECE_SIZE}")
    bounds = [*accumulate((*key_sizes, *piece_sizes), initial=at)]
    found = [payload[begin:end] for begin, end in pairwise(bounds)]
    keys, pieces = found[: replaced + appended], found[replaced + appended :]
    return keys[:replaced], dict(zip(keys[replaced:], pieces, strict=True))


class RunIndex:
    """What is appended to the rows of one shard as of one of its runs.

    Args:
        prefix: what the keys of the shard's rows begin with; another after it was dropped.

    Cost: the memory of what is appended, and 0.5 µs a piece to read a run.
    """

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        self.number = 0
        # Bytes and numbers only: a list or a tuple for each key would be walked through by every
        # collection of Python's garbage.
        self.pieces: dict[bytes, bytes] = {}
        self._oldest: dict[bytes, int] = {}
        self._counting: Counter[int] = Counter()
        """By run for how many keys it has the oldest piece that counts."""

    def with_pieces(
        self, keys: Sequence[bytes], rows: Sequence[bytes | None]
    ) -> list[bytes | None]:
        """The row of each key with what is appended to it.

        Whoever holds no lock looks at `number` before and afterwards: where it was and is that of
        their snapshot, nobody changed anything in between, for it never comes back.
        """
        piece_of = self.pieces.get
        return [
            row if (piece := piece_of(key)) is None else (row or b"") + piece
            for key, row in zip(keys, rows, strict=True)
        ]

    def copy(self) -> "RunIndex":
        """Another that starts from this one."""
        other = RunIndex(self.prefix)
        other.number, other.pieces = self.number, dict(self.pieces)
        other._oldest, other._counting = dict(self._oldest), Counter(self._counting)
        return other

    def follow(self, first: int, number: int, read: Callable[[int], ParsedRun]) -> None:
        """Take in the runs up to this number.

        Args:
            first: of the runs that are in the file.
            read: gives a run by its number.
        """
        last, self.number = self.number, _FOLLOWING
        try:
            if last < first:
                # A row was put for all that is known here: a commit after which nothing counts
                # takes every run away and writes none that says so.
                self.pieces, self._oldest, self._counting = {}, {}, Counter()
                last = first - 1
            for each in range(last + 1, number + 1):
                self._take(each, *read(each))
                last = each
        finally:
            # Also where a run cannot be read: none is ever taken twice.
            self.number = last

    def first_after(self, replaced: Iterable[bytes], first: int) -> int:
        """The first run in which anything counts once rows are put for these keys; one more than
        the last where nothing does.
        """
        gone = Counter(self._oldest[key] for key in replaced)
        while first <= self.number and self._counting[first] == gone[first]:
            first += 1
        return first

    def _take(
        self, number: int, replaced: Sequence[bytes], appended: Mapping[bytes, bytes]
    ) -> None:
        pieces, oldest = self.pieces, self._oldest
        for key in replaced:
            if pieces.pop(key, None) is not None:
                self._counting[oldest.pop(key)] -= 1
        begun = 0
        for key, piece in appended.items():
            if key in pieces:
                pieces[key] += piece
            else:
                pieces[key], oldest[key] = piece, number
                begun += 1
        self._counting[number] = begun
