"""Between ASGI and the records of the port: a request becomes a call, a reply two messages, or the
bytes of an answer after which the connection ends.
"""

import re
from http import HTTPStatus
from time import monotonic
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from mainspring.engines.http.errors import BodyTooLarge
from mainspring.engines.http.room import HeldBytes
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import TIMEOUT_HEADER, Call, Caller, Reply

__all__ = ["CALLER", "call_of", "closing_bytes", "read_body", "send_reply", "with_deadline"]

CALLER = "mainspring.caller"
"""Under this name the scope of a request has its `Caller`."""

_MILLISECONDS = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)


def call_of(scope: Scope, route: str = "") -> Call:
    """The call that a request is, its body not read yet.

    Names of headers are in lower case already: ASGI asks servers for that.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query = scope["query_string"]
    return Call(
        scope["method"],
        route,
        scope.get("path_params", {}),
        dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else {},
        headers,
        caller=scope.get(CALLER) or Caller(),
    )


def with_deadline(call: Call) -> Call:
    """The call, with the deadline that its caller gave.  Raises: BadRequest SRV-004 where that is
    no number of milliseconds.
    """
    given = call.headers.get(TIMEOUT_HEADER)
    if given is None:
        return call
    if not _MILLISECONDS.fullmatch(given):
        raise BadRequest(reason=f"{TIMEOUT_HEADER} is not a number of milliseconds: {given!r}")
    return call._replace(deadline=monotonic() + float(given) / 1000)


async def read_body(receive: Receive, *, limit: int, held: HeldBytes) -> bytes:
    """The whole body, read no further than the limit: a declared length may be absent or wrong.

    Raises: BodyTooLarge SRV-043 beyond the limit, ServerBusy SRV-045 where the server holds too
        many bodies; Starlette's ClientDisconnect when the caller left.
    """
    body, is_whole = bytearray(), False
    while not is_whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece = message.get("body", b"")
        if len(body) + len(piece) > limit:
            raise BodyTooLarge(limit=limit)
        held.take(len(piece))
        body += piece
        is_whole = not message.get("more_body", False)
    return bytes(body)


async def send_reply(reply: Reply, send: Send) -> None:
    """Send a reply; of one to `HEAD` the server leaves the body out."""
    headers = [
        (b"content-length", str(len(reply.body)).encode()),
        (b"content-type", reply.media_type.encode("latin-1")),
        *((n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in reply.headers.items()),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def closing_bytes(reply: Reply) -> bytes:
    """The bytes of a reply after which the connection ends."""
    headers = {
        "content-type": reply.media_type,
        "content-length": str(len(reply.body)),
        "connection": "close",
        **reply.headers,
    }
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items())
    phrase = HTTPStatus(reply.status).phrase
    return f"HTTP/1.1 {reply.status} {phrase}\r\n{lines}\r\n".encode("latin-1") + reply.body
