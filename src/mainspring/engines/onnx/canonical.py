"""One model, one sequence of bytes: everything that a graph says beside its mathematics is taken
out or named by place.

Exporters stamp their name, version and time, invent names at random and list operator sets in the
order of a dictionary; two exports of one model then have two digests.  What stays are inputs,
outputs, operators, attributes and constants.
"""

from collections.abc import Iterator

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

from mainspring.engines.onnx.graph import domain_of, iter_subgraphs, parse_model

__all__ = ["canonical_bytes"]


def canonical_bytes(payload: bytes) -> bytes:
    """The same model without stamps and notes, its inner tensors named `v0`, `v1`, … in the order
    in which they appear; idempotent.

    Names inside subgraphs (branches, loops) are kept, for they may refer outwards: a graph with
    subgraphs loses its stamps only.

    Raises:
        InvalidModel: ENG-202, the bytes are not an ONNX model.
    """
    model = parse_model(payload)
    _strip_model(model)
    for graph in _graphs(model.graph):
        _strip_graph(graph)
    if not any(True for node in model.graph.node for _ in iter_subgraphs(node)):
        _rename(model.graph)
    canonical: bytes = model.SerializeToString(deterministic=True)
    return canonical


def _strip_model(model: ModelProto) -> None:
    """Remove who made the model, and sort what has no order."""
    for field in (
        "producer_name",
        "producer_version",
        "domain",
        "model_version",
        "doc_string",
        "metadata_props",
    ):
        model.ClearField(field)
    opsets = sorted((domain_of(o.domain), o.version) for o in model.opset_import)
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in opsets)


def _strip_graph(graph: GraphProto) -> None:
    """Remove notes, and what shape inference can say again."""
    graph.name = "model"
    for field in ("doc_string", "value_info", "metadata_props", "quantization_annotation"):
        graph.ClearField(field)
    for entry in (*graph.input, *graph.output, *graph.initializer):
        entry.ClearField("doc_string")
    for node in graph.node:
        for field in ("name", "doc_string", "metadata_props"):
            node.ClearField(field)
        node.domain = domain_of(node.domain)
        _sort_attributes(node)


def _sort_attributes(node: NodeProto) -> None:
    """Attributes by name: they are a set, and exporters write them in any order."""
    attributes = sorted(
        (
            AttributeProto.FromString(a.SerializeToString(deterministic=True))
            for a in node.attribute
        ),
        key=lambda a: a.name,
    )
    for attribute in attributes:
        attribute.ClearField("doc_string")
        if attribute.HasField("t"):
            attribute.t.ClearField("name")
    del node.attribute[:]
    node.attribute.extend(attributes)


def _rename(graph: GraphProto) -> None:
    """Give every inner tensor the name of its place; inputs and outputs keep theirs."""
    public = {entry.name for entry in (*graph.input, *graph.output)}
    # The empty name means "this optional input is absent".
    names = {name: name for name in (*public, "")}
    for name in (n for node in graph.node for n in (*node.input, *node.output)):
        if name not in names:
            names[name] = _free_name(len(names), public)
    for node in graph.node:
        node.input[:] = [names[n] for n in node.input]
        node.output[:] = [names[n] for n in node.output]
    used = [t for t in graph.initializer if t.name in names]
    for tensor in used:
        tensor.name = names[tensor.name]
    constants = sorted(
        (TensorProto.FromString(t.SerializeToString(deterministic=True)) for t in used),
        key=lambda t: (len(t.name), t.name),
    )
    del graph.initializer[:]
    graph.initializer.extend(constants)


def _free_name(place: int, public: set[str]) -> str:
    """`v<place>`, or with more underscores when an input or output bears that name."""
    name = f"v{place}"
    while name in public:
        name += "_"
    return name


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """The graph and all graphs inside it."""
    yield graph
    for node in graph.node:
        for inner in iter_subgraphs(node):
            yield from _graphs(inner)
