"""Schemas as types, and operations as methods."""

import pytest

from mainspring.app.http.routes import build_http_service
from mainspring.interface.openapi.environment import environment_document
from mainspring.interface.typescript import typescript_client
from mainspring.interface.typescript.types import declaration_of, type_name, type_of


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "unknown"),
        ({"type": "integer", "format": "int64"}, "number"),
        ({"type": ["string", "integer", "null"]}, "string | number | null"),
        ({"enum": ["", "replace"]}, '"" | "replace"'),
        ({"const": 3}, "3"),
        ({"type": "array", "items": {"type": "string"}}, "Array<string>"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {}]}, "[string, unknown]"),
        ({"type": "array"}, "Array<unknown>"),
        ({"type": "object"}, "Record<string, unknown>"),
        ({"type": "object", "additionalProperties": {"type": "null"}}, "Record<string, null>"),
        ({"type": "object", "properties": {"a-b": {}}}, '{ "a-b"?: unknown; }'),
        ({"anyOf": [{"type": "number"}, {"type": "integer"}]}, "number"),
        ({"type": "of the future"}, "unknown"),
    ],
)
def test_a_schema_is_a_type(schema, expected):
    assert type_of(schema) == expected


def test_names_of_components_are_names_of_types():
    assert type_name("2nd_shop") == "T2ndShop"


def test_a_text_cannot_end_the_comment_that_it_stands_in():
    [opening, said, *_] = declaration_of("a", {"description": "*/ alert()", "type": "string"})
    assert (opening, said) == ("/**", " * * / alert()")


def test_every_operation_is_a_method_and_every_component_a_type(document):
    text = typescript_client(document)
    for item in document["paths"].values():
        for operation in item.values():
            words = operation["operationId"].split("_")
            name = words[0] + "".join(map(str.capitalize, words[1:]))
            assert f"\n  {name}(" in text
    for name in document["components"]["schemas"]:
        assert f"export interface {type_name(name)} {{" in text or (
            f"export type {type_name(name)} = " in text
        )


@pytest.fixture
def document(service, host):
    return environment_document(build_http_service(service).routes, host.served, version="1")
