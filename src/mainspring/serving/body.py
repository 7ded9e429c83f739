"""Bodies of requests, whatever bytes they are; apart from `request`, because a server of bare
models has neither features nor schemas.
"""

from typing import TypeVar

import msgspec

from mainspring.serving.errors import BadRequest

__all__ = ["MAX_ROWS", "parse_body"]

MAX_ROWS = 10_000
"""How many rows one request may ask about."""

Form = TypeVar("Form")


def parse_body(payload: bytes, form: type[Form]) -> Form:
    """The JSON body of a request in its form.  Raises: BadRequest SRV-004, whatever the
    bytes are.
    """
    try:
        return msgspec.json.decode(payload, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(reason=str(error)) from error
