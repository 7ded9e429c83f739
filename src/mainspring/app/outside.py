"""Where checkpoints of the journal are kept beside the state: a folder, or a bucket."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from mainspring.app.engines import open_objects
from mainspring.engines.local.folders import LocalFolders
from mainspring.project.config.audit import AuditConfig

__all__ = ["open_outside"]


def open_outside(config: AuditConfig, folder: Path | None) -> Callable[[str, bytes], None]:
    """What keeps a checkpoint, by its name and bytes; nothing where no place is configured.

    Args:
        folder: the state folder; a relative path is one beside it.
    """
    if config.store is not None:
        objects = open_objects(config.store, Path())
        return lambda _, payload: _drop(objects.write(payload))
    if config.checkpoints and folder is not None:
        return partial(_write, folder.parent / config.checkpoints)
    return lambda _, __: None


def _write(folder: Path, name: str, payload: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    LocalFolders().write_file(folder / name, payload)


def _drop(_: object) -> None:
    """The place of an object is its digest, which nobody needs to note."""
