"""Machine code that is stored between processes, and read only if this user stored it.

Numba's own cache is a pickle in a folder that is found by the name of a file, and whoever can write
there runs commands in the next process that compiles.  Here each entry is sealed with a key that
lies elsewhere, in a file of its owner alone; the bytes that were checked are the bytes that are
read, and what is not sealed is compiled anew.  Without a place for the key, or for the entries,
nothing is stored: slow, but right.
"""

import hmac
import os
import pickle
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import cast

from numba.core.serialize import dumps

__all__ = ["MachineCode", "key_file", "machine_code_folder"]

serialise = cast("Callable[[object], bytes]", dumps)

_SEAL_BYTES = 32
_KEY_BYTES = 32
_LARGEST_ENTRY = 1 << 28


class MachineCode:
    """The stored code of one function; takes the place of numba's `IndexDataCacheFile`.

    Args:
        name: of the function, and of the sources that it was compiled from.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def load(self, key: object) -> object | None:
        """What was saved under the key, or None where there is nothing that this user sealed."""
        secret, path = _read_or_make_key(), self._path(key)
        sealed = _read_private(path, _LARGEST_ENTRY) if secret else None
        if secret is None or sealed is None:
            return None
        seal, payload = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, _seal(secret, path.name, payload)):
            return None
        # Sealed by this user, under this name, with a key that is not stored here.
        found: object = pickle.loads(payload)  # noqa: S301
        return found

    def save(self, key: object, data: object) -> None:
        """Store data under a key, sealed; or do nothing where it cannot be stored."""
        secret, path = _read_or_make_key(), self._path(key)
        if secret is None:
            return
        payload = serialise(data)
        with suppress(OSError):
            _make_private(path.parent)
            _write_private(path, _seal(secret, path.name, payload) + payload)

    def flush(self) -> None:
        """Nothing is held back."""

    def _path(self, key: object) -> Path:
        named = sha256(f"{self._name}\n{key!r}".encode()).hexdigest()
        return machine_code_folder() / f"{named}.code"


def machine_code_folder() -> Path:
    """Where the entries lie: `NUMBA_CACHE_DIR`, else a folder of this user's caches."""
    given = os.environ.get("NUMBA_CACHE_DIR", "")
    base = given or os.environ.get("XDG_CACHE_HOME", "") or os.path.expanduser("~/.cache")
    return Path(base) / "mainspring" / "machine-code"


def key_file() -> Path:
    """Where the key lies: among this user's settings, and not with the entries."""
    base = os.environ.get("XDG_CONFIG_HOME", "") or os.path.expanduser("~/.config")
    return Path(base) / "mainspring" / "machine-code.key"


def _seal(secret: bytes, name: str, payload: bytes) -> bytes:
    return hmac.digest(secret, name.encode() + b"\n" + payload, "sha256")


def _read_or_make_key() -> bytes | None:
    """The key; None where it cannot be stored, or where others could have read it."""
    path = key_file()
    if not path.is_symlink() and not path.exists():
        with suppress(OSError):
            _make_private(path.parent)
            _write_private(path, secrets.token_bytes(_KEY_BYTES), replace=False)
    found = _read_private(path, _KEY_BYTES + 1)
    return found if found is not None and len(found) == _KEY_BYTES else None


def _make_private(folder: Path) -> None:
    """Make a folder and what is missing above it, for its owner alone."""
    for each in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        with suppress(FileExistsError):
            each.mkdir(mode=0o700)


def _read_private(path: Path, limit: int) -> bytes | None:
    """The bytes of a plain file of this user in a folder that nobody else can write to; else
    None.
    """
    try:
        folder = path.parent.stat()
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(handle)
        is_ours = found.st_uid == folder.st_uid == os.geteuid()
        is_shared = found.st_mode & 0o077 or folder.st_mode & 0o022
        if not stat.S_ISREG(found.st_mode) or not is_ours or is_shared or found.st_size > limit:
            return None
        with open(handle, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(handle)


def _write_private(path: Path, payload: bytes, *, replace: bool = True) -> None:
    """Write a file for its owner alone that appears whole and follows no link."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(fresh, flags, 0o600), "wb") as file:
            file.write(payload)
        if replace:
            fresh.replace(path)
        else:
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
