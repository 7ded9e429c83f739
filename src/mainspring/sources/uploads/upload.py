"""An upload as it is declared, as it is stored, and what it may have."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

from mainspring.elements.events import Actor
from mainspring.elements.identity import canonical_json
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import DAY, Micros

__all__ = ["DeclaredFile", "FinishedUpload", "Upload", "UploadLimits", "suffix_of", "upload_id"]

_ID_DIGITS = 32


class DeclaredFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that a caller wants to send.

    Args:
        file: its name, which says its format and which it is remembered by; no path.
        digest: of all its bytes.
        op, history: as of `mainspring ingest`.
    """

    file: str
    size_bytes: int
    digest: str
    op: Literal["", "replace", "delete"] = ""
    history: bool = False


class FinishedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the rows of an upload; as of `IngestReport`."""

    accepted: int
    duplicates: int
    revised: int
    deleted: int
    unknown: int
    quarantined: dict[str, int]
    first_offset: int
    next_offset: int


class Upload(StoredRecord, frozen=True, kw_only=True):
    """An upload, as far as it is.

    Args:
        begun_at: when it began; `touched_at`: when its last part came.
        offset: how many bytes are there, and on the disk.
        finished: what came of it; None while it goes on.
    """

    title = "an upload"

    environment: str
    source: str
    actor: Actor
    declared: DeclaredFile
    begun_at: Micros
    touched_at: Micros
    offset: int = 0
    finished: FinishedUpload | None = None

    @property
    def id(self) -> str:
        """What it is called: whoever begins it again gets the same one."""
        return upload_id(self.environment, self.source, self.actor, self.declared)

    @property
    def is_whole(self) -> bool:
        """Whether all its bytes are there."""
        return self.offset == self.declared.size_bytes


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """What uploads may have.

    Args:
        file_bytes: of one file; `all_bytes`: of all that wait, as they were declared.
        uploads: of one caller, finished ones too.
        line_bytes: of a line of a text file, which is held in memory as a whole.
        expires: how long after its last part an upload is forgotten.
    """

    file_bytes: int = 8 * 1024 * 1024 * 1024
    all_bytes: int = 16 * 1024 * 1024 * 1024
    uploads: int = 100
    line_bytes: int = 16 * 1024 * 1024
    expires: Micros = DAY


def upload_id(environment: str, source: str, actor: Actor, declared: DeclaredFile) -> str:
    """The id of an upload, by what is uploaded where and by whom."""
    named = canonical_json([environment, source, actor, msgspec.to_builtins(declared)])
    return sha256(named).hexdigest()[:_ID_DIGITS]


def suffix_of(file: str) -> str:
    """The ending of a file's name, with the point; empty without one."""
    name, point, ending = file.rpartition(".")
    return point + ending if name else ""
