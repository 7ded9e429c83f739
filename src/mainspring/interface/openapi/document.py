"""The document itself, from routes and the endpoints that are served.

An endpoint's predict route stands with its name in the path, since its request fields are those of
its model; all other routes stand as their templates do.

Source: OpenAPI Specification 3.1.1; JSON Schema 2020-12; RFC 9457 for problem documents.
"""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from mainspring.interface.openapi.fields import JsonSchema, example_row, row_schema
from mainspring.interface.openapi.operations import (
    OPERATIONS,
    ApiOperation,
    PredictAnswer,
    Problem,
    operation_of,
)
from mainspring.interface.openapi.records import component_of, schemas_of
from mainspring.ports.http import Route
from mainspring.serving.body import PredictBody
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.predict import ServedModel
from mainspring.serving.served_endpoint import ServedEndpoint

__all__ = ["OpenApiDocument", "openapi_document"]

_PREDICT = "/v1/endpoints/{name}/predict"
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


def openapi_document(
    routes: Sequence[Route], served: ServedEnvironment, *, version: str
) -> OpenApiDocument:
    """The OpenAPI 3.1 document of a server.

    Args:
        version: of this software.

    Cost: some milliseconds, and 0.1 ms an endpoint.
    """
    paths: dict[str, OpenApiDocument] = {}
    schemas = _components(routes)
    for route in routes:
        if route.path == _PREDICT:
            continue
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, served)
    predict = next((route for route in routes if route.path == _PREDICT), None)
    for endpoint in served.endpoints.values() if predict else ():
        assert predict is not None
        paths[_PREDICT.format(name=endpoint.name)] = {"post": _predict(predict, endpoint)}
        schemas |= _endpoint_schemas(endpoint)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": f"Mainspring: {served.environment}",
            "version": version,
            "description": _ABOUT,
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `mainspring auth create`, with the permission that "
                    "a route names.",
                }
            },
            "schemas": schemas,
            "responses": {status: _refusal(says) for status, says in _REFUSALS.items()}
            | {"Problem": _refusal("Refused; the document says why and what to do.")},
        },
    }


def _components(routes: Sequence[Route]) -> dict[str, JsonSchema]:
    """The schemas of all records that these routes take and give."""
    found: list[type] = [Problem, PredictBody, PredictAnswer]
    for route in routes:
        operation = operation_of(route.method, route.path)
        found += [kind for kind in (operation.takes, *operation.gives.values()) if kind]
    return schemas_of(found)


def _operation(route: Route, served: ServedEnvironment) -> OpenApiDocument:
    """What a route says, but for predictions."""
    operation = operation_of(route.method, route.path)
    found = _shared(route, operation)
    found["parameters"] = _parameters(route, operation, served)
    if operation.takes or operation.forms:
        found["requestBody"] = _body(operation)
    return found


def _shared(route: Route, operation: ApiOperation) -> OpenApiDocument:
    found: OpenApiDocument = {
        "operationId": operation.name,
        "summary": operation.summary or _summary_of(route),
        "tags": [_tag_of(route)],
        "responses": _responses(route, operation),
    }
    if route.permission is None:
        found["security"] = []
    else:
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
    route: Route, operation: ApiOperation, served: ServedEnvironment
) -> list[OpenApiDocument]:
    found: list[OpenApiDocument] = []
    for name in _NAMED.findall(route.path):
        schema: OpenApiDocument = {"type": "string", "minLength": 1}
        if route.about == "endpoint" and name == "name" and served.endpoints:
            schema = {"type": "string", "enum": list(served.endpoints)}
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


def _responses(route: Route, operation: ApiOperation) -> OpenApiDocument:
    found: OpenApiDocument = {}
    for status, kind in operation.gives.items():
        schema = component_of(kind) if kind else {"type": "string"}
        found[str(status)] = {
            "description": "The answer." if status < 400 else _REFUSALS[str(status)],
            "content": {operation.form: {"schema": schema}},
        }
    for refused in _statuses_of(route):
        found.setdefault(refused, {"$ref": f"#/components/responses/{refused}"})
    found["default"] = {"$ref": "#/components/responses/Problem"}
    return found


def _statuses_of(route: Route) -> Iterable[str]:
    """How a route may refuse, beside what any route may."""
    if route.permission is not None:
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


def _predict(route: Route, endpoint: ServedEndpoint) -> OpenApiDocument:
    """What the predict route of one endpoint says."""
    operation = OPERATIONS["POST", _PREDICT]
    found = _shared(route, operation)
    found["operationId"] = f"predict_{_word(endpoint.name)}"
    schema = component_of(_body_name(endpoint) if endpoint.current else PredictBody)
    media: OpenApiDocument = {"schema": schema}
    if endpoint.current:
        media["example"] = {"rows": [example_row(endpoint.current.training_set.request_schema)]}
        found["description"] = f"Answered by {endpoint.current.label}."
    found["requestBody"] = {"required": True, "content": {"application/json": media}}
    return found


def _endpoint_schemas(endpoint: ServedEndpoint) -> dict[str, JsonSchema]:
    if endpoint.current is None:
        return {}
    row = f"{_word(endpoint.name)}_row"
    return {row: _row(endpoint.current, row), _body_name(endpoint): _rows_body(endpoint, row)}


def _row(model: ServedModel, title: str) -> JsonSchema:
    training_set = model.training_set
    return row_schema(training_set.request_schema, training_set.label_key_schema, title=title)


def _rows_body(endpoint: ServedEndpoint, row: str) -> JsonSchema:
    """The body of a predict request as its record says, with rows as the model has them."""
    body = schemas_of([PredictBody])["PredictBody"]
    fields = {
        **cast("Mapping[str, JsonSchema]", body["properties"]),
        "rows": {"type": "array", "minItems": 1, "items": component_of(row)},
    }
    return {**body, "title": _body_name(endpoint), "properties": fields}


def _body_name(endpoint: ServedEndpoint) -> str:
    return f"{_word(endpoint.name)}_body"


def _word(name: str) -> str:
    """A name as clients in most languages can have it."""
    return re.sub(r"\W", "_", name)
