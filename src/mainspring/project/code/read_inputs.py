"""Reads the files that fits declare as their inputs, for the digests that stand in fingerprints."""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from mainspring.elements.identity import Digest, digest_of, digest_of_value

__all__ = ["is_declared_input", "read_inputs"]


def read_inputs(root: Path, declared: Iterable[str]) -> dict[str, Digest]:
    """The digest of each declared file or folder that can be read, by its path as declared; of a
    folder, of all files in it and their names.

    Cost: reads them whole.
    """
    found: dict[str, Digest] = {}
    for path in declared:
        if PurePath(path).is_absolute() or ".." in PurePath(path).parts:
            continue
        try:
            digest = _digest(root / path)
        except OSError:
            continue
        if digest is not None:
            found[path] = digest
    return found


def is_declared_input(path: str, declared: Iterable[str], root: Path) -> bool:
    """Whether a file that a fit reads is one of its declared inputs, or lies in a declared
    folder.
    """
    place = root / path
    return any(place.is_relative_to(root / each) for each in declared) or any(
        PurePath(each).parts[-len(PurePath(path).parts) :] == PurePath(path).parts
        for each in declared
    )


def _digest(place: Path) -> Digest | None:
    if place.is_file():
        return digest_of(place.read_bytes())
    if not place.is_dir():
        return None
    return digest_of_value(
        [
            [file.relative_to(place).as_posix(), digest_of(file.read_bytes())]
            for file in _files(place)
        ]
    )


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(p.startswith(".") or p == "__pycache__" for p in parts):
            yield file
