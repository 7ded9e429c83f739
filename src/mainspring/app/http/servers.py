"""Which server answers, by its name."""

import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mainspring.ports.errors import UnknownServer
from mainspring.ports.http import HttpServer

if TYPE_CHECKING:
    from mainspring.engines.http.certificates import ServerCertificates

__all__ = ["SERVER_VARIABLE", "chosen_server"]

SERVER_VARIABLE = "MAINSPRING_SERVER"
"""Has `native` or `uvicorn`, which is what answers without it: see docs/decisions/0027."""


def chosen_server(
    environment: Mapping[str, str],
    beat: Callable[[int], None] = lambda _: None,
    *,
    listener: socket.socket | None = None,
    tls: "ServerCertificates | None" = None,
) -> HttpServer:
    """The server; the other one is not imported.  Raises: UnknownServer SRV-053."""
    match environment.get(SERVER_VARIABLE, "native"):
        case "native":
            from mainspring.engines.http.native.server import NativeServer

            return NativeServer(beat, listener=listener, tls=tls)
        case "uvicorn":
            from mainspring.engines.http.server import UvicornServer

            return UvicornServer(beat, listener=listener, tls=tls)
        case name:
            raise UnknownServer(name=name)
