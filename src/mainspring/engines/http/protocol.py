"""HTTP/1.1 on a connection, as uvicorn reads it; what is no request is refused as everything else
is, by a problem document, and not by a line of text.
"""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mainspring.elements.errors import MainspringError
from mainspring.ports.errors import BadRequest, MethodNotAllowed
from mainspring.ports.http import Call, HttpService, Reply

__all__ = ["protocol_of"]

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}) (\S{1,2000}) HTTP/1\.[01]\r?\n")
_KNOWN_METHODS = "GET, HEAD, POST"
_METHODS_THAT_ARE_READ = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)


def protocol_of(service: HttpService) -> type[HttpToolsProtocol]:
    """The protocol that refuses in the words of a service."""

    class CodedProtocol(HttpToolsProtocol):
        """Knows what it received last, to tell an unknown method from what is not HTTP."""

        received = b""

        def data_received(self, data: bytes) -> None:
            """Take bytes of a connection in."""
            self.received = data
            super().data_received(data)

        def send_400_response(self, msg: str) -> None:  # noqa: ARG002
            """Refuse what the parser could not read, and close."""
            error = _error_of(self.received)
            self.transport.write(_closing(service.refuse(Call(""), error)))
            self.transport.close()

    return CodedProtocol


def _error_of(received: bytes) -> MainspringError:
    line = _REQUEST_LINE.match(received)
    if line is None:
        return BadRequest(reason="these bytes are not a request of HTTP/1.1")
    method, path = (part.decode("latin-1") for part in line.groups())
    if method in _METHODS_THAT_ARE_READ:
        return BadRequest(reason=f"the {method} request is not well-formed HTTP/1.1")
    return MethodNotAllowed(path=path.partition("?")[0], method=method, allowed=_KNOWN_METHODS)


def _closing(reply: Reply) -> bytes:
    """The bytes of a reply after which the connection ends."""
    headers = {
        "content-type": reply.media_type,
        "content-length": str(len(reply.body)),
        "connection": "close",
        **reply.headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} \r\n{lines}\r\n".encode("latin-1") + reply.body
