"""Machine code that is stored between processes, and read only if this user stored it.

Numba's own cache is a pickle in a folder that is found by the name of a file, and whoever can write
there runs commands in the next process that compiles.  Here each entry is sealed with a key that
lies elsewhere, in a file of its owner alone; the bytes that were checked are the bytes that are
read, and what is not sealed is compiled anew.  Without a place for the key, or for the entries,
nothing is stored: slow, but right.
"""

import fcntl
import hmac
import os
import pickle
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

__all__ = ["MachineCode", "can_store", "is_noted", "key_file", "machine_code_folder", "note"]

_SEAL_BYTES = 32
_KEY_BYTES = 32
_LARGEST_ENTRY = 1 << 28


class MachineCode:
    """The stored code of one function; takes the place of numba's `IndexDataCacheFile`.

    Args:
        name: of the function, and of the sources that it was compiled from.
        serialise: what is saved, as a pickle.
    """

    def __init__(self, name: str, *, serialise: Callable[[object], bytes] = pickle.dumps) -> None:
        self._name, self._serialise = name, serialise

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
        payload = self._serialise(data)
        with suppress(OSError):
            _make_private(path.parent)
            _write_private(path, _seal(secret, path.name, payload) + payload)

    def flush(self) -> None:
        """Nothing is held back."""

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the block runs nobody else of this user loads or compiles the function: who comes
        second waits, and finds what the first has stored.

        Where nothing can be stored, nobody waits.
        """
        handle = self._open_lock()
        if handle is None:
            yield
            return
        try:
            # The kernel lets go of it when the process dies.
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def is_held(self) -> bool:
        """Whether somebody is in such a block now."""
        handle = self._open_lock()
        if handle is None:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _open_lock(self) -> int | None:
        folder = machine_code_folder()
        path = folder / f"{sha256(self._name.encode()).hexdigest()}.lock"
        if _read_or_make_key() is None:
            return None
        with suppress(OSError):
            _make_private(folder)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            # Whoever can write there could hold it for ever.
            if _is_private(handle, folder):
                return handle
            os.close(handle)
        return None

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


def can_store() -> bool:
    """Whether this user has a place for a key; makes the key where there is none."""
    return _read_or_make_key() is not None


def note(name: str) -> None:
    """Leave a note beside the entries; nothing where there is no place for it."""
    path = _note(name)
    with suppress(OSError):
        _make_private(path.parent)
        _write_private(path, b"")


def is_noted(name: str) -> bool:
    """Whether this note was left."""
    return _read_private(_note(name), 1) is not None


def _note(name: str) -> Path:
    return machine_code_folder() / f"{sha256(name.encode()).hexdigest()}.note"


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
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not _is_private(handle, path.parent) or os.fstat(handle).st_size > limit:
            return None
        with open(handle, "rb", closefd=False) as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(handle)


def _is_private(handle: int, folder: Path) -> bool:
    """Whether this is a plain file of this user alone, in a folder that nobody else can write
    to.
    """
    found, around = os.fstat(handle), folder.stat()
    is_ours = found.st_uid == around.st_uid == os.geteuid()
    is_shared = found.st_mode & 0o077 or around.st_mode & 0o022
    return stat.S_ISREG(found.st_mode) and is_ours and not is_shared


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
