"""What can be wrong with the body of a push."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import SourceError

__all__ = ["BodyBeyondBounds", "BodyUnreadable", "UnknownBodyForm"]


@dataclass(eq=False, kw_only=True)
class UnknownBodyForm(SourceError):
    """Rows were pushed in a form that is not read.

    The form is what `Content-Type` says; without one the body is JSON.
    """

    code: ClassVar[str] = "SRC-060"
    template: ClassVar[str] = "rows are not read from {form!r}"
    remedy: ClassVar[str] = "send one of {known}"

    form: str
    known: str


@dataclass(eq=False, kw_only=True)
class BodyUnreadable(SourceError):
    """The body of a push is not what its `Content-Type` says, or was damaged on its way."""

    code: ClassVar[str] = "SRC-061"
    template: ClassVar[str] = "the body is no {form}: {reason}"
    remedy: ClassVar[str] = "send it as a writer of that format makes it; nothing was taken in"

    form: str
    reason: str


@dataclass(eq=False, kw_only=True)
class BodyBeyondBounds(SourceError):
    """The body of a push becomes more than one request may ask for, once it is decompressed and
    decoded.
    """

    code: ClassVar[str] = "SRC-062"
    template: ClassVar[str] = "the body asks for {found}, where one push may have {limit}"
    remedy: ClassVar[str] = "split it into several requests, or upload it as a file in parts"

    found: str
    limit: str
