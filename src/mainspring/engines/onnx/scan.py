"""What a model from elsewhere may contain: known operators on tensors, and nothing that reaches
outside of the file.

An ONNX graph is data, but a runtime can be led by it: external tensors name paths on the server,
custom operators load native code, functions and loops hide what runs, and a few shape operators
turn a kilobyte into a terabyte.  The scan admits by list; what is not listed is a finding.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from onnx import GraphProto, ModelProto, TensorProto

from mainspring.engines.onnx.errors import InvalidModel
from mainspring.engines.onnx.graph import domain_of, iter_subgraphs, parse_model

__all__ = ["ALLOWED_OPERATORS", "ScanFinding", "ScanLimits", "scan_onnx"]

_ARITHMETIC = (
    "Abs Add Ceil Clip Cos Div Erf Exp Floor IsInf IsNaN Log Max Mean Min Mod Mul Neg Pow "
    "Reciprocal Round Sign Sin Sqrt Sub Sum Tan Where"
)
_COMPARISON = "And Equal Greater GreaterOrEqual Less LessOrEqual Not Or Xor"
_ACTIVATION = (
    "Celu Elu Gelu HardSigmoid HardSwish LeakyRelu LogSoftmax Mish PRelu Relu Selu Sigmoid "
    "Softmax Softplus Softsign Tanh"
)
_REDUCTION = (
    "ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
    "ReduceProd ReduceSum ReduceSumSquare TopK"
)
_SHAPE = (
    "Cast Concat Constant Flatten Gather GatherElements GatherND Identity Reshape Shape "
    "Slice Split Squeeze Transpose Unsqueeze"
)
_LAYER = (
    "Attention AveragePool BatchNormalization Conv ConvTranspose Dropout Einsum Gemm "
    "GlobalAveragePool GlobalMaxPool GroupNormalization GRU "
    "InstanceNormalization LayerNormalization LpNormalization LSTM MatMul MaxPool RMSNormalization"
)
_CLASSIC = (
    "ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder "
    "LinearClassifier LinearRegressor Normalizer OneHotEncoder Scaler "
    "SVMClassifier SVMRegressor TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor ZipMap"
)

# Left out on purpose: If, Loop and Scan (hidden graphs), and ConstantOfShape, Expand, OneHot, Pad,
# Range, Resize and Tile (small file, huge memory).
ALLOWED_OPERATORS: dict[str, frozenset[str]] = {
    "": frozenset(
        " ".join((_ARITHMETIC, _COMPARISON, _ACTIVATION, _REDUCTION, _SHAPE, _LAYER)).split()
    ),
    "ai.onnx.ml": frozenset(_CLASSIC.split()),
}


@dataclass(frozen=True)
class ScanLimits:
    """The largest model that is accepted."""

    size_bytes: int = 512 * 1024 * 1024
    nodes: int = 20_000
    tensor_elements: int = 256 * 1024 * 1024


@dataclass(frozen=True, order=True)
class ScanFinding:
    """One thing in a model that should not be there: which rule it breaks, where, and what was
    found.
    """

    rule: str
    where: str
    detail: str


def scan_onnx(payload: bytes, *, limits: ScanLimits | None = None) -> tuple[ScanFinding, ...]:
    """All findings in rising order; none means that the model may be loaded.

    The rules are `size`, `unreadable`, `operator`, `domain`, `function`, `subgraph`,
    `external_data`, `training`, `nodes` and `tensor`.
    """
    limits = limits or ScanLimits()
    if len(payload) > limits.size_bytes:
        return (
            ScanFinding("size", "file", f"{len(payload)} bytes, allowed are {limits.size_bytes}"),
        )
    try:
        model = parse_model(payload)
    except InvalidModel as error:
        return (ScanFinding("unreadable", "file", error.reason),)
    return tuple(sorted({*_model_findings(model), *_graph_findings(model.graph, "graph", limits)}))


def _model_findings(model: ModelProto) -> Iterator[ScanFinding]:
    """What the model declares around its graph."""
    for opset in model.opset_import:
        if domain_of(opset.domain) not in ALLOWED_OPERATORS:
            yield ScanFinding("domain", "opset_import", opset.domain)
    for function in model.functions:
        yield ScanFinding("function", "functions", f"{function.domain}.{function.name}")
    if model.training_info:
        yield ScanFinding(
            "training", "training_info", f"{len(model.training_info)} training graphs"
        )


def _graph_findings(graph: GraphProto, where: str, limits: ScanLimits) -> Iterator[ScanFinding]:
    """What one graph and the graphs inside it contain; operators are reported once per kind."""
    if len(graph.node) > limits.nodes:
        yield ScanFinding("nodes", where, f"{len(graph.node)} nodes, allowed are {limits.nodes}")
    for (domain, operator), count in Counter(
        (domain_of(n.domain), n.op_type) for n in graph.node
    ).items():
        if operator not in ALLOWED_OPERATORS.get(domain, frozenset()):
            yield ScanFinding("operator", where, f"{domain or 'ai.onnx'}.{operator} × {count}")
    for tensor in _tensors(graph):
        yield from _tensor_findings(tensor, where, limits)
    for node, inner in ((n, g) for n in graph.node for g in iter_subgraphs(n)):
        yield ScanFinding("subgraph", where, f"inside {node.op_type}")
        yield from _graph_findings(inner, f"{where}/{node.op_type}", limits)


def _tensor_findings(tensor: TensorProto, where: str, limits: ScanLimits) -> Iterator[ScanFinding]:
    """A tensor that lies outside of the file, or is larger than it may be."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        paths = ", ".join(entry.value for entry in tensor.external_data if entry.key == "location")
        yield ScanFinding(
            "external_data", where, f"{tensor.name or 'attribute'} at {paths or 'an unnamed place'}"
        )
    elements = 1
    for size in tensor.dims:
        elements *= size
    if min(tensor.dims, default=0) < 0 or elements > limits.tensor_elements:
        yield ScanFinding(
            "tensor", where, f"{tensor.name or 'attribute'} of shape {tuple(tensor.dims)}"
        )


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """All constants of a graph: initialisers, sparse ones, and those in attributes."""
    yield from graph.initializer
    sparse = [*graph.sparse_initializer]
    for attribute in (a for n in graph.node for a in n.attribute):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        sparse += ([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []) + list(
            attribute.sparse_tensors
        )
    for tensor in sparse:
        yield tensor.values
        yield tensor.indices
