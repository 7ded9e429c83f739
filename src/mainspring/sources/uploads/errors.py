"""What can be wrong with an upload."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import SourceError

__all__ = ["UnknownUpload", "UploadDamaged", "UploadOutOfStep", "UploadTooLarge"]


@dataclass(eq=False, kw_only=True)
class UnknownUpload(SourceError):
    """A part names an upload that is not there: it was never begun, has expired, or is somebody
    else's.
    """

    code: ClassVar[str] = "SRC-061"
    template: ClassVar[str] = "there is no upload {upload!r} of yours to this source"
    remedy: ClassVar[str] = "begin it again with POST /v1/sources/NAME/files"

    upload: str


@dataclass(eq=False, kw_only=True)
class UploadOutOfStep(SourceError):
    """A part does not begin where the upload ends, or says other bytes than those that are there.

    A caller whose part was lost asks with `GET` how far the upload is, and goes on there.
    """

    code: ClassVar[str] = "SRC-062"
    template: ClassVar[str] = "the part begins at {found:,}: {reason}"
    remedy: ClassVar[str] = "send the bytes from {expected:,} on, with Upload-Offset: {expected}"

    found: int
    expected: int
    reason: str


@dataclass(eq=False, kw_only=True)
class UploadTooLarge(SourceError):
    """An upload, or all that wait, would have more bytes than may be."""

    code: ClassVar[str] = "SRC-063"
    template: ClassVar[str] = "{what} would have {found:,} bytes, of which {limit:,} may be"
    remedy: ClassVar[str] = "send smaller files, or end uploads that wait; unfinished ones expire"

    what: str
    found: int
    limit: int


@dataclass(eq=False, kw_only=True)
class UploadDamaged(SourceError):
    """All parts of an upload are there, and together they are not the file that was declared.  What
    was there is gone.
    """

    code: ClassVar[str] = "SRC-064"
    template: ClassVar[str] = "the parts have the digest {found}, and {expected} was declared"
    remedy: ClassVar[str] = "send the file again from its beginning; if it changed, begin anew"

    found: str
    expected: str
