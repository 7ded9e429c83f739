"""The document of a server of bare models, from its routes and their signatures."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import cast

from mainspring.interface.openapi.document import (
    ApiServer,
    OpenApiDocument,
    components_of,
    document_of,
    paths_of,
)
from mainspring.interface.openapi.protocol import PROTOCOL_OPERATIONS
from mainspring.ports.http import Route
from mainspring.ports.tensors import TensorSpec
from mainspring.serving.protocol import ProtocolModel

__all__ = ["models_document"]

_TOKEN = "The token that the server has printed, or that the file of `--token-file` holds."
_MOST_VALUES = 1_000
"""Of an example; one of an image would be longer than all the rest of the document."""


def models_document(
    routes: Sequence[Route], models: Sequence[ProtocolModel], *, version: str, needs_token: bool
) -> OpenApiDocument:
    """The OpenAPI 3.1 document of a server, with a request of each model as an example.

    Args:
        models: those that answer now.
        version: of this software.
        needs_token: whether callers have to know the server's token.

    Cost: some milliseconds.
    """
    names = [model.name for model in models]
    token = _TOKEN if needs_token else ""
    server = ApiServer("Mainspring: models", version, PROTOCOL_OPERATIONS, names, token)
    paths = paths_of(routes, server)
    examples = {model.name: example for model in models if (example := _example(model))}
    for path, methods in paths.items():
        if path.endswith("/infer") and examples:
            _json_body(methods["post"])["examples"] = examples
    return document_of(server, paths, components_of(routes, server))


def _json_body(operation: object) -> dict[str, object]:
    """What an operation says of its body as JSON."""
    body = cast("Mapping[str, Mapping[str, Mapping[str, dict[str, object]]]]", operation)
    return body["requestBody"]["content"]["application/json"]


def _example(model: ProtocolModel) -> OpenApiDocument | None:
    """A request of one row, made up; None where JSON cannot say it, or only at length."""
    inputs = [rule.spec for rule in model.inputs.values()]
    values = [_value_of(spec.datatype) for spec in inputs]
    sizes = [prod(_shape_of(spec)) for spec in inputs]
    if None in values or sum(sizes) > _MOST_VALUES:
        return None
    tensors = [
        {
            "name": spec.name,
            "datatype": spec.datatype,
            "shape": _shape_of(spec),
            "data": [value] * size,
        }
        for spec, value, size in zip(inputs, values, sizes, strict=True)
    ]
    return {"summary": f"{model.name} {model.version}", "value": {"inputs": tensors}}


def _shape_of(spec: TensorSpec) -> list[int]:
    """The shape of one row, where the model says less."""
    return [1 if size < 0 else size for size in spec.shape]


def _value_of(datatype: str) -> object:
    match datatype:
        case "BOOL":
            return True
        case "BYTES":
            return "text"
        case "FP32" | "FP64":
            return 1.5
        case "FP16":
            return None
        case _:
            return 1
