"""Where a secret may go that is shown once: a terminal, or a new file of its owner alone."""

import sys
from pathlib import Path

import click

from mainspring.engines.local.private import write_secret
from mainspring.ports.errors import FileRefused

__all__ = ["require_place_for_secret", "write_new_secret"]


def require_place_for_secret(file: Path | None) -> None:
    """Return where there is a place for it, before there is a secret without one.

    Raises: FileRefused ENG-031 for a file or link that is there already; a usage error where what
        is printed goes to no terminal.
    """
    if file is None:
        if not sys.stdout.isatty():
            raise click.UsageError(
                "a token is not printed where standard output is no terminal, for it could be a "
                "log: name a new file for it with --to FILE"
            )
    elif file.is_symlink() or file.exists():
        raise FileRefused(file=str(file), reason="it is there already")


def write_new_secret(file: Path, secret: str) -> str:
    """Write it to a file that did not exist; the file's name.

    Raises: FileRefused ENG-031.
    """
    try:
        write_secret(file, f"{secret}\n".encode())
    except OSError as error:
        raise FileRefused(file=str(file), reason=error.strerror or str(error)) from error
    return str(file)
