"""The parts of an OpenAPI document that follow from routes alone.

Source: OpenAPI Specification 3.1.1; JSON Schema 2020-12; RFC 9457 for problem documents.
"""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mainspring.interface.openapi.fields import JsonSchema
from mainspring.interface.openapi.operation import (
    ApiOperation,
    Operations,
    Problem,
    operation_of,
)
from mainspring.interface.openapi.records import component_of, schemas_of
from mainspring.ports.http import Route

__all__ = [
    "ApiServer",
    "OpenApiDocument",
    "components_of",
    "document_of",
    "paths_of",
    "shared_of",
]

_PROBLEM = "application/problem+json"
_NAMED = re.compile(r"\{(\w+)\}")
_ABOUT = (
    "Every route that refuses answers a problem document (RFC 9457, `application/problem+json`), "
    "and so does every path that no route has.  503 and 429 say by `Retry-After` when to ask "
    "again.  In answers, a number that JSON lacks is the text `NaN`, `Infinity` or `-Infinity`."
)
_REFUSALS: Mapping[str, str] = {
    "400": "The request cannot be read.",
    "401": "The token is missing or unknown.",
    "403": "The token does not allow this.",
    "404": "There is nothing of this name.",
    "413": "The body, or what is in it, is too large.",
    "422": "A value does not fit.",
    "429": "The caller asks too often.",
    "503": "Not now: not ready, overloaded, or a store is not at hand.",
}
OpenApiDocument = dict[str, object]


class ApiServer(NamedTuple):
    """What a document says of a server as a whole.

    Args:
        version: of this software.
        names: of the endpoints, or models, that routes are about.
        token: how callers come by the token that they need; empty where they need none.
    """

    title: str
    version: str
    operations: Operations
    names: Sequence[str] = ()
    token: str = ""


def document_of(
    server: ApiServer, paths: Mapping[str, OpenApiDocument], schemas: Mapping[str, JsonSchema]
) -> OpenApiDocument:
    """The OpenAPI 3.1 document of a server that has these paths."""
    components: OpenApiDocument = {
        "schemas": schemas,
        "responses": {status: _refusal(says) for status, says in _REFUSALS.items()}
        | {"Problem": _refusal("Refused; the document says why and what to do.")},
    }
    if server.token:
        token = {"type": "http", "scheme": "bearer", "description": server.token}
        components = {"securitySchemes": {"token": token}, **components}
    return {
        "openapi": "3.1.1",
        "info": {"title": server.title, "version": server.version, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"token": []}] if server.token else [],
        "paths": paths,
        "components": components,
    }


def components_of(routes: Sequence[Route], server: ApiServer, *more: type) -> dict[str, JsonSchema]:
    """The schemas of all records that these routes take and give, and of some more."""
    found: list[type] = [Problem, *more]
    for route in routes:
        operation = operation_of(server.operations, route.method, route.path)
        found += [kind for kind in (operation.takes, *operation.gives.values()) if kind]
    return schemas_of(found)


def paths_of(routes: Sequence[Route], server: ApiServer) -> dict[str, OpenApiDocument]:
    """What each route says, by path and method."""
    paths: dict[str, OpenApiDocument] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, server)
    return paths


def _operation(route: Route, server: ApiServer) -> OpenApiDocument:
    operation = operation_of(server.operations, route.method, route.path)
    found = shared_of(route, operation, server)
    found["parameters"] = _parameters(route, operation, server.names)
    if operation.takes or operation.forms:
        found["requestBody"] = _body(operation)
    return found


def shared_of(route: Route, operation: ApiOperation, server: ApiServer) -> OpenApiDocument:
    """What a route says, but for its parameters and its body."""
    found: OpenApiDocument = {
        "operationId": operation.name,
        "summary": operation.summary or _summary_of(route),
        "tags": [_tag_of(route)],
        "responses": _responses(route, operation, server),
    }
    if route.permission is None:
        found["security"] = []
    elif server.token:
        found["x-permission"] = route.permission
    if operation.may_repeat:
        found["x-repeatable"] = True
    return found


def _summary_of(route: Route) -> str:
    """The first sentence of the handler's docstring, without the route that it begins with."""
    text = " ".join(inspect.cleandoc(route.handler.__doc__ or "").split("\n\n")[0].split())
    said = text.rpartition("`: ")[2] if text.startswith("`") else text
    return said[:1].upper() + said[1:] or f"{route.method} {route.path}"


def _tag_of(route: Route) -> str:
    words = route.path.strip("/").split("/")
    return "open inference protocol" if words[0] == "v2" else words[min(1, len(words) - 1)]


def _parameters(
    route: Route, operation: ApiOperation, names: Sequence[str]
) -> list[OpenApiDocument]:
    found: list[OpenApiDocument] = []
    for name in _NAMED.findall(route.path):
        schema: OpenApiDocument = {"type": "string", "minLength": 1}
        if route.about == "endpoint" and name == "name" and names:
            schema = {"type": "string", "enum": [*names]}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    for header in operation.headers:
        found.append(
            {
                "name": header.name,
                "in": header.place,
                "required": header.is_required,
                "description": header.says,
                "schema": {"type": "string"},
            }
        )
    return found


def _body(operation: ApiOperation) -> OpenApiDocument:
    content: OpenApiDocument = {}
    if operation.takes:
        content["application/json"] = {"schema": component_of(operation.takes)}
    content |= {form: {} for form in operation.forms}
    return {"required": True, "content": content}


def _responses(route: Route, operation: ApiOperation, server: ApiServer) -> OpenApiDocument:
    found: OpenApiDocument = {}
    for status, kind in operation.gives.items():
        schema = component_of(kind) if kind else {"type": "string"}
        found[str(status)] = {
            "description": "The answer." if status < 400 else _REFUSALS[str(status)],
            "content": {operation.form: {"schema": schema}},
        }
    for refused in _statuses_of(route, server):
        found.setdefault(refused, {"$ref": f"#/components/responses/{refused}"})
    found["default"] = {"$ref": "#/components/responses/Problem"}
    return found


def _statuses_of(route: Route, server: ApiServer) -> Iterable[str]:
    """How a route may refuse, beside what any route may."""
    if route.permission is not None and server.token:
        yield from ("401", "403")
    if route.method in ("POST", "PUT"):
        yield from ("400", "413", "422", "429")
    if "{" in route.path:
        yield "404"
    yield "503"


def _refusal(says: str) -> OpenApiDocument:
    return {
        "description": says,
        "headers": {
            "Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 0}}
        },
        "content": {_PROBLEM: {"schema": component_of(Problem)}},
    }
