"""How large the logs of a workspace are."""

from contextlib import suppress
from pathlib import Path

__all__ = ["log_bytes_in"]


def log_bytes_in(folder: Path | None) -> dict[str, int]:
    """The sizes of the logs that lie in the workspace's folder, by log."""
    found: dict[str, int] = {}
    for path in folder.glob("log*") if folder else ():
        with suppress(OSError):  # a log's own files come and go
            if path.is_file():
                name = path.name.partition(".")[0]
                found[name] = found.get(name, 0) + path.stat().st_size
    return found
