"""What one route takes and gives, as the records that it reads and writes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

__all__ = ["ApiOperation", "Header", "Operations", "Problem", "operation_of"]


class Problem(msgspec.Struct, kw_only=True):
    """A problem document, RFC 9457: what every route answers that refuses, paths that no route has
    among them.

    Args:
        code: which `mainspring explain` explains.
        remedy: what to do about it.
        id: of the fault in the server's log, where it is none of the caller.
        error: code and detail again, for clients of the Open Inference Protocol.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    id: str = ""
    error: str = ""


class Header(NamedTuple):
    """A header or query parameter of a request.

    Args:
        place: `header` or `query`.
    """

    name: str
    says: str
    place: str = "header"
    is_required: bool = False


class ApiOperation(NamedTuple):
    """What one route takes and gives, beside what stands in its path.

    Args:
        name: by which clients call it.
        summary: where its handler's docstring has none.
        takes: the record of its JSON body; None where it takes none.
        forms: other media types that its body may have, of bytes.
        gives: the record of each status that is no refusal; None where it is no JSON.
        form: of the answer.
        headers: and query parameters that mean something.
        may_repeat: a `POST` that changes nothing, or nothing a second time, so clients may send it
            again after a lost answer.
    """

    name: str
    summary: str = ""
    takes: type | None = None
    forms: tuple[str, ...] = ()
    gives: Mapping[int, type | None] = MappingProxyType({200: None})
    form: str = "application/json"
    headers: tuple[Header, ...] = ()
    may_repeat: bool = False


Operations = Mapping[tuple[str, str], ApiOperation]
"""By method and path."""


def operation_of(operations: Operations, method: str, path: str) -> ApiOperation:
    """What is known of a route; of one that is not there, what its path says.

    >>> operation_of({}, "GET", "/v9/gates/{name}/verdicts").name
    'get_v9_gates_name_verdicts'
    """
    known = operations.get((method, path))
    if known is not None:
        return known
    words = path.replace("{", "").replace("}", "").replace("-", "_").strip("/").split("/")
    return ApiOperation(name="_".join([method.lower(), *words]), gives={200: dict})
