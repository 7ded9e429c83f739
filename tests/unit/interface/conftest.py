"""The routes of a service, as `app` composes them, and whether what they answer is what a document
announces; which document that is, a module says by a fixture of its own.
"""

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.unit.app.http.conftest import (
    arrivals,
    client,
    clock,
    endpoints,
    get,
    guard,
    host,
    log,
    model,
    post,
    predictor,
    row,
    service,
    state,
    token_for,
    tokens,
)

__all__ = [
    "arrivals",
    "client",
    "clock",
    "endpoints",
    "get",
    "guard",
    "host",
    "log",
    "model",
    "post",
    "predictor",
    "row",
    "service",
    "state",
    "token_for",
    "tokens",
]


@pytest.fixture
def fits(document):
    """Whether a value fits a schema of the document."""
    resource = Resource(contents=document, specification=DRAFT202012)
    registry = Registry().with_resource("urn:document", resource)

    def fits(value, pointer):
        schema = {"$ref": f"urn:document#/{pointer}"}
        return Draft202012Validator(schema, registry=registry).is_valid(value)

    return fits


@pytest.fixture
def answered(document, fits):
    """Whether an answer is one that its operation announces."""

    def answered(answer, method, path):
        responses = document["paths"][path][method]["responses"]
        status = str(answer.status_code) if str(answer.status_code) in responses else "default"
        place = f"paths/{path.replace('~', '~0').replace('/', '~1')}/{method}/responses/{status}"
        if "$ref" in responses[status]:
            place = responses[status]["$ref"].removeprefix("#/")
            responses = document["components"]["responses"]
            status = place.rpartition("/")[2]
        media = answer.headers["content-type"].partition(";")[0]
        assert media in responses[status]["content"]
        body = answer.json() if "json" in media else answer.text
        return fits(body, f"{place}/content/{media.replace('/', '~1')}/schema")

    return answered
