"""Reading an ONNX protobuf: the one place where bytes become a model."""

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import GraphProto, ModelProto, NodeProto

from mainspring.engines.onnx.errors import InvalidModel

__all__ = ["domain_of", "iter_subgraphs", "parse_model"]


def parse_model(payload: bytes) -> ModelProto:
    """The model that the bytes hold; its operators are not checked, external tensors are not read.

    Raises:
        InvalidModel: ENG-202, the bytes are no ONNX protobuf with a graph.
    """
    try:
        model = onnx.load_from_string(payload)
    except DecodeError as error:
        raise InvalidModel(reason="the bytes are no ONNX protobuf") from error
    # Nearly any short byte string parses as some protobuf; without operators it is no model.
    if not model.graph.node:
        raise InvalidModel(reason="the protobuf holds no graph")
    return model


def iter_subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The branches or bodies of one operator."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def domain_of(name: str) -> str:
    """A domain by its one name: the default domain may be written "ai.onnx" or as nothing."""
    return "" if name == "ai.onnx" else name
