"""Files that a command writes for its user: whole or not at all, and readable by nobody else."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mainspring.ports.errors import FileRefused

__all__ = ["write_file", "write_folder"]


def write_file(path: Path, payload: bytes) -> None:
    """Write a file, in place of one of its name, with mode 0600.  Raises: FileRefused
    ENG-031.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise FileRefused(file=str(path), reason=error.strerror or str(error)) from error


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, which is made where it is missing; others in it stay.  Raises:
    FileRefused ENG-031.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FileRefused(file=str(folder), reason=error.strerror or str(error)) from error
    for name, payload in files.items():
        write_file(folder / name, payload)
