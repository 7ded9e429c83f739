"""The route of the document."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Generic, NamedTuple, TypeVar

import msgspec

from mainspring.interface.openapi.document import OpenApiDocument
from mainspring.ports.http import Call, Reply, Route

__all__ = ["OPENAPI_PATH", "OpenApi"]

OPENAPI_PATH = "/openapi.json"

_ServedT = TypeVar("_ServedT")


class _Rendered(NamedTuple):
    served: object
    body: bytes
    tag: str


class OpenApi(Generic[_ServedT]):
    """The route of the OpenAPI document, which follows what is served.

    Args:
        served: what is served now; while it is equal, so is the document.
        document: made of the server's routes and that.
    """

    def __init__(
        self,
        served: Callable[[], _ServedT],
        document: Callable[[Sequence[Route], _ServedT], OpenApiDocument],
    ) -> None:
        self._served, self._document = served, document
        self._described: Sequence[Route] = ()
        self._rendered: _Rendered | None = None

    def route(self) -> Route:
        """The one route; rendering takes some milliseconds after the environment has moved."""
        return Route("GET", OPENAPI_PATH, "read", self.document, blocks=True)

    def describe(self, routes: Sequence[Route]) -> None:
        """Say which routes the server has, its own among them."""
        self._described = routes

    def document(self, call: Call) -> Reply:
        """`GET /openapi.json`: the routes, their bodies and their answers, as OpenAPI 3.1."""
        rendered = self._render()
        headers = {"ETag": rendered.tag, "Cache-Control": "no-cache"}
        given = [tag.strip() for tag in call.headers.get("if-none-match", "").split(",")]
        if rendered.tag in [tag.removeprefix("W/") for tag in given]:
            return Reply(304, headers=headers)
        return Reply(200, rendered.body, headers=headers)

    def _render(self) -> _Rendered:
        served, kept = self._served(), self._rendered
        if kept is not None and kept.served == served:
            return kept
        document = self._document(self._described, served)
        body = msgspec.json.format(msgspec.json.encode(document), indent=2)
        self._rendered = _Rendered(served, body, f'"{sha256(body).hexdigest()[:32]}"')
        return self._rendered
