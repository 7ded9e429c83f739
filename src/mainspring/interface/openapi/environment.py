"""The document of a server of an environment, from its routes and the endpoints that are served.

An endpoint's predict route stands with its name in the path, since its request fields are those of
its model; all other routes stand as their templates do.
"""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from mainspring.interface.openapi.document import (
    ApiServer,
    OpenApiDocument,
    components_of,
    document_of,
    paths_of,
    shared_of,
)
from mainspring.interface.openapi.fields import JsonSchema, example_row, row_schema
from mainspring.interface.openapi.operations import OPERATIONS, PredictAnswer
from mainspring.interface.openapi.records import component_of, schemas_of
from mainspring.ports.http import Route
from mainspring.serving.body import PredictBody
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.predict import ServedModel
from mainspring.serving.served_endpoint import ServedEndpoint

__all__ = ["environment_document"]

_PREDICT = "/v1/endpoints/{name}/predict"
_TOKEN = "A token of `mainspring auth create`, with the permission that a route names."


def environment_document(
    routes: Sequence[Route], served: ServedEnvironment, *, version: str
) -> OpenApiDocument:
    """The OpenAPI 3.1 document of a server.

    Args:
        version: of this software.

    Cost: some milliseconds, and 0.1 ms an endpoint.
    """
    title, names = f"Mainspring: {served.environment}", list(served.endpoints)
    server = ApiServer(title, version, OPERATIONS, names, _TOKEN)
    schemas = components_of(routes, server, PredictBody, PredictAnswer)
    paths = paths_of([route for route in routes if route.path != _PREDICT], server)
    predict = next((route for route in routes if route.path == _PREDICT), None)
    for endpoint in served.endpoints.values() if predict else ():
        assert predict is not None
        said = _predict(predict, endpoint, server)
        paths[_PREDICT.format(name=endpoint.name)] = {"post": said}
        schemas |= _endpoint_schemas(endpoint)
    return document_of(server, paths, schemas)


def _predict(route: Route, endpoint: ServedEndpoint, server: ApiServer) -> OpenApiDocument:
    """What the predict route of one endpoint says."""
    operation = OPERATIONS["POST", _PREDICT]
    found = shared_of(route, operation, server)
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
