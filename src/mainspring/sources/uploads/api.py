"""The routes of uploads: a file is declared, sent in parts, and taken in when it is whole."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from mainspring.elements.events import Actor
from mainspring.ports.body import parse_body
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.sources.files import unreadable_as
from mainspring.sources.ingest import IngestReport, SourceWriter
from mainspring.sources.uploads.bounded import require_bounded_columns
from mainspring.sources.uploads.folder import UploadFolder
from mainspring.sources.uploads.upload import DeclaredFile, FinishedUpload, Upload, suffix_of

__all__ = ["UploadApi"]

_FILES = "/v1/sources/{name}/files"
_FILE = _FILES + "/{upload}"
_SUFFIXES = (".parquet", ".csv", ".jsonl", ".ndjson")
_FILE_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,120}")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_OFFSET = re.compile("[0-9]{1,15}")
_NAMED = "upload:"


class UploadApi:
    """The routes that take files in, in parts.

    Args:
        writer: what takes rows of a source in, in an actor's name; ACC-006 for a source that is not
            declared.
        examine: returns for a Parquet file that can be read without harm.
        observe: called with the source and the report of each file.
    """

    def __init__(
        self,
        writer: Callable[[str, Actor], SourceWriter],
        uploads: UploadFolder,
        *,
        environment: str,
        examine: Callable[[Path], None],
        observe: Callable[[str, IngestReport], None],
    ) -> None:
        self._writer, self._uploads, self._environment = writer, uploads, environment
        self._examine, self._observe = examine, observe

    def routes(self) -> list[Route]:
        """The three routes."""
        return [
            Route("POST", _FILES, "ingest", self.begin, "source", blocks=True, writes=True),
            Route("PUT", _FILE, "ingest", self.put, "source", blocks=True, writes=True),
            Route("GET", _FILE, "ingest", self.show, "source", blocks=True),
        ]

    def begin(self, call: Call) -> Reply:
        """`POST /v1/sources/{name}/files`: declare a file; how far its upload is, which the same
        declaration by the same caller finds again.

        Raises: BadRequest SRV-004, UnknownAsset ACC-006, UploadTooLarge SRC-063.
        """
        declared = parse_body(call.body, DeclaredFile)
        _require_declarable(declared)
        source = call.path["name"]
        self._writer(source, call.actor)
        upload = self._uploads.begin(
            declared, environment=self._environment, source=source, actor=call.actor
        )
        return _reply(upload, 201 if upload.offset == 0 else 200)

    def show(self, call: Call) -> Reply:
        """`GET /v1/sources/{name}/files/{upload}`: how far it is, and what came of it.  Raises:
        UnknownUpload SRC-061.
        """
        return _reply(self._find(call))

    def put(self, call: Call) -> Reply:
        """`PUT /v1/sources/{name}/files/{upload}` with `Upload-Offset`: a part.  The last one is
        answered when the rows of the file are durable; said again, with the same answer.

        Raises: BadRequest SRV-004, UnknownUpload SRC-061, UploadOutOfStep SRC-062, UploadTooLarge
            SRC-063, UploadDamaged SRC-064, BodyTooComplex SRV-044, and what
            `SourceWriter.write_file` raises.
        """
        offset = _offset_of(call.headers)
        with self._uploads.held(self._find(call)) as found:
            upload = self._uploads.write_part(found, offset, call.body)
            if upload.is_whole and upload.finished is None:
                upload = self._taken_in(upload, call.actor)
        return _reply(upload)

    def _taken_in(self, upload: Upload, actor: Actor) -> Upload:
        declared, path = upload.declared, self._uploads.path(upload)
        self._uploads.require_whole(upload)
        if (suffix := suffix_of(declared.file)) == ".parquet":
            self._examine(path)
        else:
            require_bounded_columns(path, suffix)
        with unreadable_as(Path(declared.file)):
            report = self._writer(upload.source, actor).write_file(
                path,
                history=declared.history,
                op=declared.op,
                # No file of this machine is called so: what is remembered of those stays.
                name=_NAMED + declared.file,
                shown=declared.file,
                expected=declared.digest,
            )
        self._observe(upload.source, report)
        return self._uploads.finish(upload, _finished(report))

    def _find(self, call: Call) -> Upload:
        return self._uploads.find(
            call.path["upload"],
            environment=self._environment,
            source=call.path["name"],
            actor=call.actor,
        )


def _require_declarable(declared: DeclaredFile) -> None:
    if not _FILE_NAME.fullmatch(declared.file) or suffix_of(declared.file) not in _SUFFIXES:
        known = ", ".join(_SUFFIXES)
        raise BadRequest(reason=f"{declared.file!r} is no name of a file that ends in {known}")
    if declared.size_bytes < 1:
        raise BadRequest(reason=f"a file of {declared.size_bytes:,} bytes has no rows")
    if not _DIGEST.fullmatch(declared.digest):
        raise BadRequest(reason="digest is sha256: and 64 digits in hexadecimal")


def _offset_of(headers: Mapping[str, str]) -> int:
    given = headers.get("upload-offset", "")
    if not _OFFSET.fullmatch(given):
        raise BadRequest(reason=f"Upload-Offset: {given!r} is no place where a part begins")
    return int(given)


def _finished(report: IngestReport) -> FinishedUpload:
    counts = {name: getattr(report, name) for name in FinishedUpload.__struct_fields__}
    return msgspec.convert({**counts, "quarantined": dict(report.quarantined)}, FinishedUpload)


def _reply(upload: Upload, status: int = 200) -> Reply:
    body = {
        "upload": upload.id,
        "offset": upload.offset,
        "size_bytes": upload.declared.size_bytes,
        "is_finished": upload.finished is not None,
        "report": upload.finished,
    }
    return json_reply(body, status)._replace(headers={"Upload-Offset": str(upload.offset)})
