"""Our servers by name."""

from mainspring.engines.http.native.server import NativeServer
from mainspring.engines.http.server import UvicornServer
from mainspring.ports.http import HttpServer

__all__ = ["SERVERS", "server_named", "words_for"]

SERVERS = ("native", "uvicorn")
"""What `mainspring serve-model` can answer through."""


def server_named(name: str) -> HttpServer:
    """The server."""
    return {"native": NativeServer, "uvicorn": UvicornServer}[name]()


def words_for(name: str) -> list[str]:
    """What chooses it on the command line."""
    return [] if len(SERVERS) == 1 else ["--server", name]
