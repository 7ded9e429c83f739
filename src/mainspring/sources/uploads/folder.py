"""Uploads in a folder of this machine: of each a record and its bytes, under the name that we gave
it, readable by their owner alone.

Bytes are on the disk before the record says so, and the record is replaced as a whole: an upload is
never further than its bytes are, whenever a process dies.  A lock on a file of its own lets one
request at a time work on an upload, in whatever process.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from mainspring.elements.errors import RecordUnreadable
from mainspring.elements.events import Actor
from mainspring.elements.plain_file import open_plain
from mainspring.elements.stored import parse_stored, render_stored
from mainspring.ports.clock import Clock
from mainspring.ports.errors import StoreBusy, StoreFailed
from mainspring.sources.uploads.errors import (
    UnknownUpload,
    UploadDamaged,
    UploadOutOfStep,
    UploadTooLarge,
)
from mainspring.sources.uploads.upload import (
    DeclaredFile,
    FinishedUpload,
    Upload,
    UploadLimits,
    suffix_of,
)

__all__ = ["UploadFolder"]

_ID = re.compile("[0-9a-f]{32}")
_STORE = "the uploads"
_PIECE = 1 << 20
_RECORD, _LOCK, _FRESH, _ALL = ".json", ".lock", ".new", "all"


class UploadFolder:
    """Keeps uploads until they are finished, or have expired.

    Args:
        folder: made when the first upload begins.
        clock: what uploads expire by.
    """

    def __init__(self, folder: Path, *, clock: Clock, limits: UploadLimits | None = None) -> None:
        self._folder, self._clock = folder, clock
        self.limits = limits or UploadLimits()

    def begin(
        self, declared: DeclaredFile, *, environment: str, source: str, actor: Actor
    ) -> Upload:
        """Begin an upload, or find it as far as it is.  Raises: UploadTooLarge SRC-063, StoreFailed
        ENG-001, StoreBusy ENG-009.
        """
        now = self._clock.now()
        upload = Upload(
            environment=environment,
            source=source,
            actor=actor,
            declared=declared,
            begun_at=now,
            touched_at=now,
        )
        self.expire()
        with _failing("begin"):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with self._locked(_ALL, waits=True):
                found = self._read(upload.id)
                if found is None:
                    self._require_room(upload)
                    self._write(upload)
        return found or upload

    def find(self, id_: str, *, environment: str, source: str, actor: Actor) -> Upload:
        """An upload of somebody to a source.  Raises: UnknownUpload SRC-061."""
        found = self._read(id_) if _ID.fullmatch(id_) else None
        named = found and (found.environment, found.source, found.actor)
        if found is None or named != (environment, source, actor):
            raise UnknownUpload(upload=id_)
        return found

    @contextmanager
    def held(self, upload: Upload) -> Iterator[Upload]:
        """Work on an upload alone while the block runs; the upload as it is then.

        Raises: StoreBusy ENG-009 where another request works on it, UnknownUpload SRC-061 where it
            is gone.
        """
        with _failing("write"), self._locked(upload.id, waits=False):
            found = self._read(upload.id)
            if found is None:
                raise UnknownUpload(upload=upload.id)
            yield found

    def write_part(self, upload: Upload, offset: int, part: bytes) -> Upload:
        """Write a part at its place; bytes that are there already may come again.

        Raises: UploadOutOfStep SRC-062, UploadTooLarge SRC-063.
        """
        size, end = upload.declared.size_bytes, offset + len(part)
        if end > size:
            raise UploadTooLarge(what="the upload", found=end, limit=size)
        if upload.finished is not None or end <= upload.offset:
            self._require_same(upload, offset, part)
            return upload
        if offset != upload.offset:
            reason = "it is the wrong place" if offset > upload.offset else "a part of it is there"
            raise UploadOutOfStep(found=offset, expected=upload.offset, reason=reason)
        flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self.path(upload), flags, 0o600), "wb", buffering=0) as file:
            file.seek(offset)
            left = memoryview(part)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        return self._moved(upload, offset=end)

    def require_whole(self, upload: Upload) -> None:
        """Return if the bytes are those that were declared; else they are gone.

        Raises: UploadDamaged SRC-064, UploadTooLarge SRC-063 for a line of a text file.
        """
        digest, line_bytes, longest = sha256(), 0, 0
        with open_plain(self.path(upload), links=False) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                first, *rest = piece.split(b"\n") if self._is_text(upload) else [b""]
                longest = max(longest, line_bytes + len(first), *map(len, rest))
                line_bytes = len(rest[-1]) if rest else line_bytes + len(first)
        found = f"sha256:{digest.hexdigest()}"
        if found != upload.declared.digest:
            self._forget_bytes(upload)
            self._moved(upload, offset=0)
            raise UploadDamaged(found=found, expected=upload.declared.digest)
        if longest > self.limits.line_bytes:
            raise UploadTooLarge(what="a line", found=longest, limit=self.limits.line_bytes)

    def finish(self, upload: Upload, finished: FinishedUpload) -> Upload:
        """Note what came of an upload; its bytes go."""
        done = self._moved(upload, finished=finished)
        self._forget_bytes(upload)
        return done

    @classmethod
    def of_workspace(cls, folder: Path, *, clock: Clock) -> "UploadFolder":
        """That of the workspace whose state lies in this folder."""
        return cls(folder / "uploads", clock=clock)

    def expire(self) -> None:
        """Forget the uploads whose last part came too long ago, and what is left of others."""
        for id_ in self.expired():
            self.forget_expired(id_)

    def expired(self) -> list[str]:
        """What there is to forget."""
        with _failing("expire"):
            every = sorted({path.name.partition(".")[0] for path in self._folder.glob("*.*")})
            return [id_ for id_ in every if _ID.fullmatch(id_) and self._is_over(id_)]

    def forget_expired(self, id_: str) -> bool:
        """Forget an upload, unless somebody works on it or it was begun again meanwhile; whether it
        was forgotten.  A process that is killed leaves something that expires in its turn.
        """
        with suppress(StoreBusy), _failing("expire"), self._locked(id_, waits=False):
            if self._is_over(id_):
                self._forget(id_)
                return True
        return False

    def path(self, upload: Upload) -> Path:
        """Where the bytes lie; the ending says the format."""
        return self._folder / (upload.id + suffix_of(upload.declared.file))

    def _is_over(self, id_: str) -> bool:
        upload = None
        # One that cannot be read goes by the age of its files.
        with suppress(RecordUnreadable):
            upload = self._read(id_)
        if upload is not None:
            return self._clock.now() - upload.touched_at > self.limits.expires
        # What a process left that died while it forgot them.
        left = [path for path in self._folder.glob(f"{id_}.*") if path.suffix != _LOCK]
        files = [path.stat().st_mtime_ns // 1000 for path in left]
        return self._clock.now() - max(files, default=0) > self.limits.expires

    def _is_text(self, upload: Upload) -> bool:
        return suffix_of(upload.declared.file) != ".parquet"

    def _require_room(self, upload: Upload) -> None:
        limits, size = self.limits, upload.declared.size_bytes
        others = [
            found
            for path in self._folder.glob(f"*{_RECORD}")
            if (found := self._read(path.name.removesuffix(_RECORD))) is not None
        ]
        held = size + sum(each.declared.size_bytes for each in others if each.finished is None)
        if size > limits.file_bytes:
            raise UploadTooLarge(what="the file", found=size, limit=limits.file_bytes)
        if held > limits.all_bytes:
            raise UploadTooLarge(what="all uploads", found=held, limit=limits.all_bytes)
        own = sum(each.actor == upload.actor for each in others) + 1
        if own > limits.uploads:
            raise UploadTooLarge(what="your list of uploads", found=own, limit=limits.uploads)

    def _require_same(self, upload: Upload, offset: int, part: bytes) -> None:
        """Return if a part says again what is there.  Of a finished upload nothing is, and before
        the first byte there is no file to look into.
        """
        if upload.finished is not None or not part:
            return
        with open_plain(self.path(upload), links=False) as file:
            file.seek(offset)
            if file.read(len(part)) != part:
                raise UploadOutOfStep(
                    found=offset, expected=upload.offset, reason="other bytes are there"
                )

    def _moved(self, upload: Upload, **changes: object) -> Upload:
        moved: Upload = msgspec.structs.replace(upload, touched_at=self._clock.now(), **changes)
        self._write(moved)
        return moved

    def _read(self, id_: str) -> Upload | None:
        try:
            with open_plain(self._folder / f"{id_}{_RECORD}", links=False) as file:
                return parse_stored(file.read(), Upload, key=id_)
        except FileNotFoundError:
            return None

    def _write(self, upload: Upload) -> None:
        fresh = self._folder / f"{upload.id}{_FRESH}"
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(fresh, flags, 0o600), "wb") as file:
            file.write(render_stored(upload))
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._folder / f"{upload.id}{_RECORD}")
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _forget(self, id_: str) -> None:
        # The record last: while it is there, somebody finds the rest.
        for path in sorted(self._folder.glob(f"{id_}.*"), key=lambda path: path.suffix == _RECORD):
            path.unlink(missing_ok=True)

    def _forget_bytes(self, upload: Upload) -> None:
        self.path(upload).unlink(missing_ok=True)

    @contextmanager
    def _locked(self, name: str, *, waits: bool) -> Iterator[None]:
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._folder / f"{name}{_LOCK}", flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            yield
        except BlockingIOError as error:
            raise StoreBusy(store=_STORE, operation="write") from error
        finally:
            os.close(handle)


@contextmanager
def _failing(operation: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreFailed(store=_STORE, operation=operation, reason=reason) from error
