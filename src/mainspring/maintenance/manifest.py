"""What a backup is made of: a folder of files and a manifest that names each with its size and
digest, and the positions of the cut.

The parts are of one moment, though writers go on while they are copied.  What refers is copied
before what it refers to: predictions before the state that holds their versions, the state before
the facts whose offsets its builds name, and the objects last; each part only grows meanwhile, and
what it gains nothing in the archive refers to.

Online state and tables are folds of the log and are not carried: they would only be old.  The one
exception are the records that the log does not keep any more; these are carried from the tables.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest, canonical_json
from mainspring.elements.time import Micros

__all__ = [
    "FORMAT",
    "INFERENCE_LOG",
    "LOG",
    "MANIFEST",
    "OBJECTS",
    "SECRETS",
    "STATE",
    "TABLES",
    "UNSIGNED_FORMAT",
    "ArchivedFile",
    "BackupCut",
    "BackupManifest",
    "format_of_manifest",
    "iter_archive_faults",
    "parse_backup_manifest",
    "render_backup_manifest",
]

FORMAT = "mainspring-backup/2"
UNSIGNED_FORMAT = "mainspring-backup/1"
"""Of release 0.1: the same, but for the signature."""
MANIFEST = "manifest.json"
STATE, LOG, INFERENCE_LOG = "state.db", "log.db", "log-inference.db"
OBJECTS, TABLES = "objects", "tables"
SECRETS = ("keys", "token", "tokens")
"""Private keys and the owner's tokens; carried only where that is asked for."""
_LONGEST_PATH = 200

_DATABASES = frozenset({STATE, LOG, INFERENCE_LOG})
_SEGMENT = re.compile(r"log-inference-[0-9]{1,4}\.db")
_OBJECT = re.compile(f"{OBJECTS}/([0-9a-f]{{2}})/([0-9a-f]{{2}})/\\1\\2[0-9a-f]{{60}}")
_TABLE = re.compile(f"{TABLES}/[0-9]+\\.parquet")
_SECRET = re.compile(f"({'|'.join(SECRETS)})(/[A-Za-z0-9_-][A-Za-z0-9._-]*)?")


class _AnyManifest(msgspec.Struct, frozen=True):
    """What manifests of every format have."""

    format: str


class ArchivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file; its path is relative to the archive, with slashes."""

    path: str
    size_bytes: int
    digest: Digest


class BackupCut(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts stand.

    Args:
        journal: the sequence number of the newest event.
        heads: by topic, the offset after its newest record.
        kept_from: by topic, the offset of the oldest record that the log keeps, where it was
            trimmed.
    """

    journal: int
    heads: dict[str, int]
    kept_from: dict[str, int]


class BackupManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in an archive.  Its own digest names the whole of it.

    Args:
        product: the version of Mainspring that wrote it.
        secrets: whether private keys and the owner's token are in it.
        damaged: objects that could not be carried, for their bytes had another digest already.
        trimmed: by topic, the file of the records that the log does not keep any more.
    """

    format: str
    product: str
    project: ProjectName
    made_at: Micros
    made_by: Actor
    cut: BackupCut
    secrets: bool
    damaged: tuple[Digest, ...]
    trimmed: dict[str, str]
    files: tuple[ArchivedFile, ...]


def render_backup_manifest(manifest: BackupManifest) -> bytes:
    """The manifest as JSON that people can read; `parse_backup_manifest` is the inverse."""
    return msgspec.json.format(canonical_json(manifest), indent=1)


def parse_backup_manifest(payload: bytes) -> BackupManifest:
    """The manifest in these bytes.  Raises: msgspec.MsgspecError for anything else."""
    return msgspec.json.decode(payload, type=BackupManifest)


def format_of_manifest(payload: bytes) -> str:
    """The format of a manifest, to be asked before it is parsed: one of a later format has other
    fields.  Raises: msgspec.MsgspecError for what is no manifest.
    """
    return msgspec.json.decode(payload, type=_AnyManifest).format


def iter_archive_faults(manifest: BackupManifest, found: Mapping[str, int]) -> Iterator[str]:
    """What is wrong with an archive, judged by the names and sizes of its files.

    Args:
        found: the size of every file that is there but the manifest, by path; -1 for what is no
            plain file.

    >>> file = ArchivedFile(path="state.db", size_bytes=3, digest=Digest("sha256:0"))
    >>> cut = BackupCut(journal=0, heads={}, kept_from={})
    >>> made = {"format": FORMAT, "product": "", "project": "p", "made_at": 0, "made_by": ""}
    >>> held = {"secrets": False, "damaged": (), "trimmed": {}, "cut": cut, "files": (file,)}
    >>> list(iter_archive_faults(BackupManifest(**made, **held), {"state.db": 2, "more": 1}))[:2]
    ['state.db has 2 bytes instead of 3', 'more is not in the manifest']
    """
    for file in manifest.files:
        if not _is_part(file.path):
            yield f"{file.path[:_LONGEST_PATH]} is no part of a backup"
        elif _SECRET.fullmatch(file.path) and not manifest.secrets:
            yield f"{file.path} is a secret, and the manifest says that there are none"
        elif file.path not in found:
            yield f"{file.path} is missing"
        elif found[file.path] != file.size_bytes:
            yield (
                f"{file.path} has {found[file.path]} bytes instead of {file.size_bytes}"
                if found[file.path] >= 0
                else f"{file.path} is no plain file"
            )
    named = {file.path for file in manifest.files}
    if len(named) < len(manifest.files):
        yield "the manifest names a file twice"
    yield from (f"{path} is not in the manifest" for path in sorted(found) if path not in named)
    yield from (f"{part} is missing" for part in (STATE, LOG, INFERENCE_LOG) if part not in named)
    yield from (
        f"{path} is missing"
        for path in manifest.trimmed.values()
        if path not in named or not _TABLE.fullmatch(path)
    )


def _is_part(path: str) -> bool:
    """Whether a backup has such a file: the names are listed, so none leads out of the folder."""
    return path in _DATABASES or any(
        pattern.fullmatch(path) for pattern in (_SEGMENT, _OBJECT, _TABLE, _SECRET)
    )
