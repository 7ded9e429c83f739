"""A reply as the bytes of an answer; heads that come again and again are put together once."""

import re
from http import HTTPStatus

from mainspring.ports.http import Reply

__all__ = ["answer_bytes"]

_HEADS: dict[tuple[int, str], bytes] = {}
_MOST_HEADS = 256
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def answer_bytes(reply: Reply, *, is_head: bool, is_last: bool) -> bytes:
    """The bytes of an answer.

    Args:
        is_head: of a `HEAD`: the body is left out.
        is_last: the connection ends after it.

    Raises: ValueError where a header cannot be sent, since it would be read as something else.
    """
    head = _HEADS.get((reply.status, reply.media_type)) or _head(reply.status, reply.media_type)
    more = "".join([_line(name, value) for name, value in reply.headers.items()])
    if is_last:
        more += "connection: close\r\n"
    return b"%b%d\r\n%b\r\n%b" % (
        head,
        len(reply.body),
        more.encode("latin-1"),
        b"" if is_head else reply.body,
    )


def _head(status: int, media_type: str) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    line = _line("content-type", media_type)
    head = f"HTTP/1.1 {status} {phrase}\r\n{line}content-length: ".encode("latin-1")
    if len(_HEADS) < _MOST_HEADS:
        _HEADS[status, media_type] = head
    return head


def _line(name: str, value: str) -> str:
    if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
        raise ValueError(f"{name!r}: {value!r} is no header")
    return f"{name.lower()}: {value}\r\n"
