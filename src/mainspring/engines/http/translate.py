"""Between ASGI and the records of the port: a request becomes a call, a reply two messages."""

from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from mainspring.ports.errors import BadRequest
from mainspring.ports.http import Call, Reply

__all__ = ["call_of", "read_body", "send_reply"]


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
    )


async def read_body(receive: Receive, *, limit: int) -> bytes:
    """The whole body, read no further than the limit: a declared length may be absent or wrong.

    Raises: BadRequest SRV-004 beyond the limit; Starlette's ClientDisconnect when the caller left.
    """
    body, is_whole = bytearray(), False
    while not is_whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            raise BadRequest(reason=f"the body is larger than {limit} bytes")
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
