"""The highest sequences that a server has seen, in a file of its owner beside its trust file.

The file is no part of the state: whoever puts an older state back must not be able to take back
what was seen of the newer one.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mainspring.elements.identity import canonical_json
from mainspring.engines.local.folders import flush_folder
from mainspring.ports.errors import TrustUnusable

__all__ = ["FileSequences"]

_FORMAT = "mainspring-seen/1"


class _Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    highest: dict[str, int]


class FileSequences:
    """Remembers the highest sequence of each name in a file of mode 0600, which is replaced as a
    whole.  A file that is there and cannot be read is an error, and never taken for an empty one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._highest = self._read()

    def highest(self, name: str) -> int:
        """The highest that was seen; 0 for none."""
        return self._highest.get(name, 0)

    def saw(self, name: str, sequence: int) -> None:
        """Remember this one, if it is higher.  Raises: TrustUnusable ENG-033."""
        if sequence <= self.highest(name):
            return
        try:
            with self._locked():
                # Other servers that trust by the same file have seen more since.
                seen = self._read()
                seen[name] = max(sequence, seen.get(name, 0))
                self._replace(seen)
        except OSError as error:
            raise TrustUnusable(path=str(self._path), reason=str(error)) from error
        self._highest = seen

    def _read(self) -> dict[str, int]:
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise TrustUnusable(path=str(self._path), reason=str(error)) from error
        with open(handle, "rb") as file:
            try:
                seen = msgspec.json.decode(file.read(), type=_Seen)
            except (OSError, msgspec.DecodeError) as error:
                raise TrustUnusable(path=str(self._path), reason=str(error)) from error
        if seen.format != _FORMAT:
            raise TrustUnusable(path=str(self._path), reason=f"its format is not {_FORMAT}")
        return dict(seen.highest)

    def _replace(self, seen: dict[str, int]) -> None:
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW
        with open(os.open(fresh, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(canonical_json(_Seen(format=_FORMAT, highest=seen)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._path)
        flush_folder(self._path.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._path.with_name(f"{self._path.name}.lock")
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
