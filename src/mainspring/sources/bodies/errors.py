"""What can be wrong with the form of a push."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import SourceError

__all__ = ["UnknownBodyForm"]


@dataclass(eq=False, kw_only=True)
class UnknownBodyForm(SourceError):
    """Rows were pushed in a form that is not read here.

    The form is what `Content-Type` says; without one the body is JSON.
    """

    code: ClassVar[str] = "SRC-060"
    template: ClassVar[str] = "rows are not read from {form!r}"
    remedy: ClassVar[str] = "send one of {known}"

    form: str
    known: str
