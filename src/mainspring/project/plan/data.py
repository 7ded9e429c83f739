"""What of the files of sources is not in the log yet: files that are new, have grown, or were
mended since they were read.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from mainspring.elements.identity import Digest
from mainspring.ports.log import LogReader
from mainspring.project.kinds.data import DataChange
from mainspring.registry.environment import AssetRecord
from mainspring.sources.files import part_files
from mainspring.sources.raw.copies import digest_of_file
from mainspring.sources.raw.log import find_file, find_refreshes, is_void, lies_under
from mainspring.sources.raw.segment import FileCopy
from mainspring.sources.spec import Source
from mainspring.sources.topic import raw_topic_of

__all__ = ["file_changes", "files_of", "moved_files"]

_BLOCK = 1024 * 1024


def files_of(source: Source, root: str) -> dict[str, Path]:
    """The data files of a source, by the path that names them in its log; none for a source that is
    only pushed to, or whose path is gone.
    """
    if source.path is None:
        return {}
    path = Path(root) / source.path
    if not path.is_dir():
        return {source.path: path} if path.exists() else {}
    return {f"{source.path}/{part.name}": part for part in part_files(source, path)}


def file_changes(
    source: Source,
    root: str,
    *,
    log: LogReader,
    record: AssetRecord | None,
    is_refreshed: bool = False,
    finds_unchanged: bool = False,
) -> Iterator[DataChange]:
    """How the files of a source differ from what was read of them.

    Args:
        record: what is on record of the source.
        is_refreshed: whether what was read counts no more, so that all files are new.
        finds_unchanged: whether to give files, too, that were read more than once and are as they
            were read last.

    Cost: a look at size and time of each file; one that differs in these is read once.
    """
    topic, asset = raw_topic_of(source.stream), f"source.{source.name}"
    found, refreshes = files_of(source, root), find_refreshes(topic, log, source.refreshes)
    for name, path in found.items():
        last = find_file(topic, log, name)
        # An apply that was killed may have written its refresh, and not have read all files since.
        counts = last is not None and not is_refreshed and not is_void(last, refreshes)
        before = last.segment.file if last and counts else None
        change = _change(path, before)
        if change is None and finds_unchanged and last and last.segment.previous is not None:
            change = ("unchanged", before.digest) if before else None
        if change is not None:
            kind, digest = change
            yield DataChange(
                source=asset,
                path=name,
                change=kind,
                size_bytes=path.stat().st_size,
                before_bytes=before.size_bytes if before else 0,
                digest=digest,
            )
    for name in record.files if record else ():
        if name not in found and source.path is not None and lies_under(name, source.path):
            yield DataChange(
                source=asset,
                path=name,
                change="missing",
                size_bytes=0,
                before_bytes=0,
                digest=None,
            )


def moved_files(planned: Sequence[DataChange], root: str) -> list[str]:
    """The files of a plan that are not any more what it says."""
    return [
        change.path
        for change in planned
        if change.digest is not None and not _has_digest(Path(root) / change.path, change.digest)
    ]


def _has_digest(path: Path, digest: Digest) -> bool:
    return path.exists() and digest_of_file(path) == digest


def _change(
    path: Path, before: FileCopy | None
) -> tuple[Literal["new", "grown", "changed", "unchanged"], Digest] | None:
    if before is None:
        return "new", digest_of_file(path)
    stat = path.stat()
    if (stat.st_size, stat.st_mtime_ns) == (before.size_bytes, before.modified_ns):
        return None
    start, digest = _digests(path, before.size_bytes)
    if digest == before.digest:
        return None
    has_grown = before.size_bytes > 0 and start == before.digest
    return ("grown" if has_grown else "changed"), digest


def _digests(path: Path, size_bytes: int) -> tuple[Digest, Digest]:
    """The digests of the first so many bytes of a file, and of the whole."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        left = size_bytes
        while left and (block := file.read(min(left, _BLOCK))):
            found.update(block)
            left -= len(block)
        start = found.copy()
        while block := file.read(_BLOCK):
            found.update(block)
    return Digest(f"sha256:{start.hexdigest()}"), Digest(f"sha256:{found.hexdigest()}")
