"""One route that does nothing, behind each of our servers: what is the most that it could answer.

Usage: python -m benchmarks.serving.hello SERVER PORT
"""

import sys

from benchmarks.serving.servers import server_named
from mainspring.elements.events import Actor
from mainspring.ports.http import Call, HttpService, Reply, Route

__all__ = ["PATH"]

PATH = "/hello"
_REPLY = Reply(200, b'{"hello": "world"}')


def _service() -> HttpService:
    return HttpService(
        routes=[Route("GET", PATH, None, lambda _: _REPLY, "nothing")],
        authorise=lambda *_: Actor(""),
        refuse=_refuse,
    )


def _refuse(_: Call, error: Exception) -> Reply:
    return Reply(500, str(error).encode(), "text/plain")


if __name__ == "__main__":
    name, port = sys.argv[1:]
    server_named(name).serve(_service(), port=int(port), on_bound=lambda _: None)
