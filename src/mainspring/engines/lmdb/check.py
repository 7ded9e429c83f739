"""Look at a file before LMDB maps it: LMDB has no checksums and believes every number in a page, so
a file that was cut or overwritten ends the process that reads it, by a signal.

What is checked is what LMDB would follow: the newer of the two meta pages, and from its two roots
every branch, leaf and overflow page, each of which must lie in the file, say its own number, be
reached once, and hold nodes that end within it.  The values are not LMDB's to know; who stores them
puts a checksum behind each.

Pages of the newest commit are not written over before the next one, so a walk that found a fault is
only believed where the meta page is still the same after it.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mainspring.elements.plain_file import open_plain

__all__ = ["fault_of_environment"]

_MAGIC, _META_FLAG = 0xBEEFC0DE, 0x08
_BRANCH, _LEAF, _OVERFLOW = 0x01, 0x02, 0x04
_BIG = 0x01
_HEADER, _NODE, _META_BYTES = 16, 8, 152
_NONE = 0xFFFF_FFFF_FFFF_FFFF
_DEEPEST = 32
_PAGES_AT_ONCE = 1_024
_LARGEST_PAGE = 1 << 34
_CUT = "a page that is used lies beyond its end: it was cut"
_MOST_LEAVES = 65_536
"""In a file of more pages (256 MiB) the leaves are not looked at: it would take seconds."""

_Halves = NDArray[np.uint16]
_Numbers = NDArray[np.int64]


class _Root(NamedTuple):
    """One of the two trees of a file: of free pages, and of what is stored."""

    depth: int
    page: int
    is_free_list: bool


class _Meta(NamedTuple):
    """What a meta page says."""

    commit: int
    page_bytes: int
    last_page: int
    roots: tuple[_Root, _Root]


class _Fault(Exception):
    """What is wrong with a file, in words."""


def fault_of_environment(path: Path) -> str:
    """What is wrong with the file of an environment; empty where LMDB can map it, and where there
    is none or an empty one, which LMDB fills.

    Cost: reads every page once, about 1 ms a megabyte; of more than 256 MiB only the branches.
    Raises: OSError when it cannot be read.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return ""
    with file:
        handle = file.fileno()
        if os.fstat(handle).st_size == 0:
            return ""
        try:
            return _fault_of_newest(handle)
        except _Fault as fault:
            return str(fault)


def _fault_of_newest(handle: int) -> str:
    """What is wrong with the newest commit; looked at anew as long as others commit meanwhile."""
    meta = _newest_meta(handle)
    while True:
        try:
            _check(handle, meta)
        except _Fault as fault:
            before, meta = meta, _newest_meta(handle)
            if meta == before:
                return str(fault)
        else:
            return ""


def _newest_meta(handle: int) -> _Meta:
    first = _meta_at(handle, 0)
    second = _meta_at(handle, first.page_bytes)
    return max(first, second, key=lambda meta: meta.commit)


def _meta_at(handle: int, at: int) -> _Meta:
    payload = os.pread(handle, _META_BYTES, at)
    if len(payload) < _META_BYTES:
        raise _Fault("it ends within its first pages")
    flags = struct.unpack_from("<H", payload, 10)[0]
    magic, version = struct.unpack_from("<II", payload, _HEADER)
    if magic != _MAGIC or not flags & _META_FLAG or version != 1:
        raise _Fault("it is not an LMDB file")
    page_bytes = struct.unpack_from("<I", payload, _HEADER + 24)[0]
    if page_bytes not in (1 << power for power in range(9, 17)):
        raise _Fault(f"its pages cannot have {page_bytes} bytes")
    roots = tuple(
        _Root(
            struct.unpack_from("<H", payload, _HEADER + at + 6)[0],
            struct.unpack_from("<Q", payload, _HEADER + at + 40)[0],
            at == 24,
        )
        for at in (24, 72)
    )
    last_page, commit = struct.unpack_from("<QQ", payload, _HEADER + 120)
    return _Meta(commit, page_bytes, last_page, (roots[0], roots[1]))


def _check(handle: int, meta: _Meta) -> None:
    if meta.last_page > _LARGEST_PAGE:
        raise _Fault(f"it cannot have {meta.last_page:,} pages")
    tree = _Tree(handle, meta)
    listed, _ = (tree.walk(root) for root in meta.roots)
    if tree.seen[listed[listed < len(tree.seen)]].any():
        raise _Fault("its list of free pages names pages that are in use")


class _Tree:
    """The pages of a file that were reached."""

    def __init__(self, handle: int, meta: _Meta) -> None:
        self._handle, self._page_bytes = handle, meta.page_bytes
        self._last_of_all = meta.last_page
        # Pages that a commit took and gave back were never written, so a file may be shorter than
        # its meta page says; none that is used lies beyond its end.
        whole = os.fstat(handle).st_size // meta.page_bytes
        self._last = min(meta.last_page, whole - 1)
        self.seen = np.zeros(whole, dtype=np.bool_)

    def walk(self, root: _Root) -> _Numbers:
        """Check every page below a root; the pages that it lists as free, if it is that tree."""
        if root.page == _NONE:
            return np.empty(0, dtype=np.int64)
        if not 0 < root.depth <= _DEEPEST:
            raise _Fault(f"a tree cannot be {root.depth} pages deep")
        pages = np.array([min(root.page, self._last + 1)], dtype=np.int64)
        for _ in range(root.depth - 1):
            found = [
                self._children(numbers, halves, fewest=1 if root.is_free_list else 2)
                for numbers, halves in self._read(pages, _BRANCH)
            ]
            pages = np.concatenate(found)
        if self._last > _MOST_LEAVES and not root.is_free_list:
            self._reach(pages)
            return np.empty(0, dtype=np.int64)
        listed = [
            self._leaves(numbers, halves, is_free_list=root.is_free_list)
            for numbers, halves in self._read(pages, _LEAF)
        ]
        return np.concatenate(listed)

    def _reach(self, pages: _Numbers) -> None:
        """Take note of pages, each of which must lie in the file and be reached once."""
        if ((pages < 2) | (pages > self._last)).any():
            raise _Fault(_CUT)
        if self.seen[pages].any() or len(np.unique(pages)) != len(pages):
            raise _Fault("a page is reached twice")
        self.seen[pages] = True

    def _read(self, pages: _Numbers, flag: int) -> Iterator[tuple[_Numbers, _Halves]]:
        """The pages, some at a time, each checked to be of a kind.  Shapes: (pages,), (pages, half
        words).
        """
        self._reach(pages)
        for at in range(0, len(pages), _PAGES_AT_ONCE):
            numbers = pages[at : at + _PAGES_AT_ONCE]
            payload = b"".join(self._page(number) for number in numbers.tolist())
            halves = np.frombuffer(payload, dtype="<u2").reshape(len(numbers), -1)
            stated = np.frombuffer(payload, dtype="<i8").reshape(len(numbers), -1)[:, 0]
            if (stated != numbers).any() or (halves[:, 5] != flag).any():
                raise _Fault("a page is not the one that belongs there")
            yield numbers, halves

    def _page(self, number: int) -> bytes:
        payload = os.pread(self._handle, self._page_bytes, number * self._page_bytes)
        if len(payload) < self._page_bytes:
            raise _Fault(_CUT)
        return payload

    def _nodes(self, halves: _Halves, *, fewest: int) -> tuple[_Numbers, _Numbers]:
        """The row and the half word at which each node of these pages begins."""
        lower, upper = halves[:, 6].astype(np.int64), halves[:, 7].astype(np.int64)
        counts = (lower - _HEADER) // 2
        is_wrong = (lower < _HEADER) | (lower % 2 == 1) | (lower > upper) | (counts < fewest)
        if (is_wrong | (upper > self._page_bytes)).any():
            raise _Fault("a page has other bounds than can be")
        rows = np.repeat(np.arange(len(counts)), counts)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        begins = halves[rows, _HEADER // 2 + places].astype(np.int64)
        is_outside = (begins < upper[rows]) | (begins > self._page_bytes - _NODE)
        if (is_outside | (begins % 2 == 1)).any():
            raise _Fault("a node lies outside of its page")
        return rows, begins // 2

    def _children(self, numbers: _Numbers, halves: _Halves, *, fewest: int) -> _Numbers:
        del numbers
        rows, at = self._nodes(halves, fewest=fewest)
        low, high, top, key = (halves[rows, at + place].astype(np.int64) for place in range(4))
        if (at * 2 + _NODE + key > self._page_bytes).any():
            raise _Fault("a key ends outside of its page")
        return low | high << 16 | top << 32

    def _leaves(self, numbers: _Numbers, halves: _Halves, *, is_free_list: bool) -> _Numbers:
        rows, at = self._nodes(halves, fewest=1)
        low, high, flags, key = (halves[rows, at + place].astype(np.int64) for place in range(4))
        size, is_big = low | high << 16, flags == _BIG
        if (~is_big & (flags != 0)).any():
            raise _Fault("a node is of a kind that is not stored")
        if (at * 2 + _NODE + key + np.where(is_big, 8, size) > self._page_bytes).any():
            raise _Fault("a value ends outside of its page")
        listed = []
        for place in np.flatnonzero(is_big | is_free_list).tolist():
            data = halves[rows[place]].tobytes()[int(at[place] * 2 + _NODE + key[place]) :]
            if is_big[place]:
                data = self._overflow(int.from_bytes(data[:8], "little"), int(size[place]))
            if is_free_list:
                listed.append(self._free_pages(data[: int(size[place])]))
        del numbers
        return np.concatenate(listed) if listed else np.empty(0, dtype=np.int64)

    def _overflow(self, page: int, size: int) -> bytes:
        """The value that lies in pages of its own."""
        if not 2 <= page <= self._last:
            raise _Fault(_CUT)
        head = os.pread(self._handle, _HEADER, page * self._page_bytes)
        number, flags, count = struct.unpack("<QxxHI", head)
        if number != page or flags != _OVERFLOW or count == 0 or page + count - 1 > self._last:
            raise _Fault("a page is not the one that belongs there")
        if count * self._page_bytes - _HEADER < size:
            raise _Fault("a value is longer than its pages")
        self._reach(np.arange(page, page + count, dtype=np.int64))
        return os.pread(self._handle, size, page * self._page_bytes + _HEADER)

    def _free_pages(self, data: bytes) -> _Numbers:
        words = np.frombuffer(data[: len(data) // 8 * 8], dtype="<u8")
        if len(words) == 0 or words[0] >= len(words):
            raise _Fault("its list of free pages is cut")
        pages = words[1 : int(words[0]) + 1]
        if ((pages < 2) | (pages > self._last_of_all)).any():
            raise _Fault("its list of free pages names pages outside of it")
        return pages.astype(np.int64)
