"""Copies of data files in the object store, taken once under the digest of their content.

A copy is made in pieces, so that no file has to fit into memory, and text is compressed.  Rows are
read from the copy and never from the file itself: somebody may be writing to that meanwhile.
"""

import gzip
import hashlib
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mainspring.elements.identity import Digest
from mainspring.ports.objects import ObjectReader, ObjectWriter
from mainspring.sources.raw.segment import FileCopy

__all__ = ["copy_file", "digest_of_file", "opened_copy", "piece_of"]

_PIECE_BYTES = 64 * 1024 * 1024
_TEXT = frozenset({".csv", ".jsonl", ".ndjson"})


def digest_of_file(path: Path) -> Digest:
    """The digest of a file's content.  Cost: about 1 s for each gigabyte."""
    with path.open("rb") as file:
        return Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())


@contextmanager
def copy_file(path: Path, *, name: str, objects: ObjectWriter) -> Iterator[tuple[FileCopy, Path]]:
    """Copy a file into the object store; the copy, and a temporary file with the same bytes.

    Args:
        name: the path to keep it by.
    """
    is_text = path.suffix in _TEXT
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        local = Path(folder) / f"copy{path.suffix}"
        shutil.copyfile(path, local)
        found, pieces = hashlib.sha256(), list[Digest]()
        with local.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                found.update(piece)
                pieces.append(objects.write(piece_of(piece) if is_text else piece))
        stat = path.stat()
        copy = FileCopy(
            path=name,
            size_bytes=local.stat().st_size,
            modified_ns=stat.st_mtime_ns,
            digest=Digest("sha256:" + found.hexdigest()),
            suffix=path.suffix,
            pieces=tuple(pieces),
            is_compressed=is_text,
        )
        yield copy, local


@contextmanager
def opened_copy(copy: FileCopy, objects: ObjectReader) -> Iterator[Path]:
    """A temporary file with the bytes of a copy.

    Raises: ObjectMissing ENG-002, ObjectDamaged ENG-003.
    """
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        local = Path(folder) / f"copy{copy.suffix}"
        with local.open("wb") as file:
            for digest in copy.pieces:
                piece = objects.read(digest)
                file.write(gzip.decompress(piece) if copy.is_compressed else piece)
        yield local


def piece_of(piece: bytes) -> bytes:
    """Text, compressed; the same text always gives the same bytes."""
    return gzip.compress(piece, compresslevel=zlib.Z_BEST_SPEED, mtime=0)
