"""Files that hold one secret: made new, readable by their owner alone, and never through a link."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mainspring.access.errors import SecretFileRefused
from mainspring.elements.plain_file import open_plain

__all__ = ["SecretFile", "new_secret_file", "replace_secret", "secret_in"]

_LONGEST = 4_096


class SecretFile:
    """A file that was just made and is empty."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, secret: str) -> None:
        """Write the secret as one line, and flush it."""
        os.write(self._descriptor, f"{secret}\n".encode())
        os.fsync(self._descriptor)


@contextmanager
def new_secret_file(path: Path) -> Iterator[SecretFile]:
    """A file that did not exist, to be written in the block; gone again where the block fails.

    It is made before there is a secret, so that none is made that could not be written.  Raises:
    SecretFileRefused ACC-034 where something is, a link too, or no file can be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise SecretFileRefused(path=str(path), reason="something is there already") from error
    except OSError as error:
        raise SecretFileRefused(path=str(path), reason=error.strerror or str(error)) from error
    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask
        yield SecretFile(descriptor)
    except BaseException:
        with suppress(FileNotFoundError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def replace_secret(path: Path, secret: str) -> None:
    """Put the secret into a file whole, in the place of the file or link that was there.

    Raises: SecretFileRefused ACC-034 where a folder is, or no file can be made.
    """
    beside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    with new_secret_file(beside) as file:
        file.write(secret)
        try:
            beside.replace(path)
        except OSError as error:
            raise SecretFileRefused(path=str(path), reason=error.strerror or str(error)) from error


def secret_in(path: Path, *, only_private: bool = False) -> str:
    """The secret in a plain file, without the end of its line.

    Args:
        only_private: whether a file that others than its owner may read or write is refused.

    Raises: SecretFileRefused ACC-034 for a link, a folder, a pipe, more than 4 KB, what is not
        ASCII, or what cannot be read.
    """
    try:
        with open_plain(path, links=False) as file:
            _require_usable(path, os.fstat(file.fileno()), only_private=only_private)
            return file.read(_LONGEST).decode("ascii").strip()
    except OSError as error:
        raise SecretFileRefused(path=str(path), reason=error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise SecretFileRefused(path=str(path), reason="it holds no token") from error


def _require_usable(path: Path, found: os.stat_result, *, only_private: bool) -> None:
    if found.st_size > _LONGEST:
        raise SecretFileRefused(path=str(path), reason="it is too large")
    if only_private and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
        raise SecretFileRefused(path=str(path), reason="others than its owner can open it")
