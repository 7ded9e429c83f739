"""A file of lines that several processes append to, whole lines each, and that is exchanged for a
new one when it has its size.

One file for all workers and not one each: of two generations of workers each has a first one, so a
name would be shared anyway, and who reads the log wants one.  The lock of the file is held while
something is written, so no line lies in another, and only one process exchanges it.
"""

import errno
import fcntl
import os
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["AppendedFile", "AppendedStream"]

_FLAGS = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | os.O_NOFOLLOW
    | os.O_NONBLOCK  # who opens a pipe would wait for its reader
    | os.O_NOCTTY
    | os.O_CLOEXEC
)
_LOCK_S = 2.0
_LOOK_S = 0.01


class AppendedFile:
    """A file, mode 0600, which is opened again wherever another lies in its place: whoever moves it
    away, this or another process or a person, has the next lines in a new one.

    Args:
        size_bytes: from here on it is exchanged.
        kept: how many former ones stay beside it, as `FILE.1`, which is the newest, to `FILE.N`.

    Raises: OSError where it cannot be written, is a link, or is no plain file.
    """

    def __init__(self, path: Path, *, size_bytes: int, kept: int) -> None:
        self._path, self._size_bytes, self._kept = path, size_bytes, kept
        self._handle = self._opened()

    def append(self, lines: bytes) -> None:
        """Write whole lines.  Raises: OSError, also where another process holds the file for
        longer than two seconds.
        """
        while not self._append_in_place(lines):
            fresh = self._opened()
            os.close(self._handle)
            self._handle = fresh

    def close(self) -> None:
        """Write no more."""
        os.close(self._handle)

    def _append_in_place(self, lines: bytes) -> bool:
        """Whether they are written: not where another file is to be opened first."""
        with _locked(self._handle):
            if not self._is_in_place():
                return False
            size = os.fstat(self._handle).st_size
            if size and size + len(lines) > self._size_bytes:
                self._exchange()
                return False
            _write_all(self._handle, lines)
            return True

    def _opened(self) -> int:
        handle = os.open(self._path, _FLAGS, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "it is no plain file", str(self._path))
            # The umask may have taken more, and a file that was there may allow more.
            os.fchmod(handle, 0o600)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _is_in_place(self) -> bool:
        try:
            there = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._handle))

    def _exchange(self) -> None:
        former = [self._path, *(self._former(number) for number in range(1, self._kept + 1))]
        for older, newer in zip(reversed(former), reversed(former[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)

    def _former(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class AppendedStream:
    """Standard output, which others may write to as well: a pipe keeps what is written at once
    together up to a size, so it gets as many whole lines as that has room for.

    Source: POSIX.1-2024, write(): PIPE_BUF.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def append(self, lines: bytes) -> None:
        """Write whole lines.  Raises: OSError."""
        begin = 0
        while begin < len(lines):
            end = lines.rfind(b"\n", begin, begin + select.PIPE_BUF) + 1
            if not end:
                end = lines.index(b"\n", begin) + 1
            _write_all(self._handle, lines[begin:end])
            begin = end

    def close(self) -> None:
        """It is not ours to close."""


@contextmanager
def _locked(handle: int) -> Iterator[None]:
    """Hold the lock of a file.  A process that was stopped while it held it must not hold up the
    end of the others.
    """
    until = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_S)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
