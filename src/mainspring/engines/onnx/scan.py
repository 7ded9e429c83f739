"""What a model may contain: known operators on tensors of bounded size, and nothing that reaches
outside of the file.

An ONNX graph is data, but a runtime can be led by it: external tensors name paths on the server,
custom operators load native code, functions and loops hide what runs, and a few shape operators
turn a kilobyte into a terabyte.  The scan admits by list; what is not listed is a finding.  It
reads the bytes itself (see `wire`), so it runs wherever a model is opened, with ONNX Runtime alone.

What a scan cannot see is bounded where the model runs: the sizes of what a chain of harmless
operators makes of each other, by the scorer's allocator; time, by the deadline of a request, and
where one operator takes for ever by the supervisor of a server.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from mainspring.engines.onnx.errors import InvalidModel, UnsafeModel
from mainspring.engines.onnx.trees import TREE_OPERATORS, tree_faults
from mainspring.engines.onnx.wire import MalformedProtobuf, Message, read_message

__all__ = ["ALLOWED_OPERATORS", "ScanFinding", "ScanLimits", "require_safe", "scan_onnx"]

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
    "Attention AveragePool BatchNormalization Conv ConvTranspose Dropout Gemm "
    "GlobalAveragePool GlobalMaxPool GroupNormalization GRU "
    "InstanceNormalization LayerNormalization LpNormalization LSTM MatMul MaxPool RMSNormalization"
)
_CLASSIC = (
    "ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder "
    "LinearClassifier LinearRegressor Normalizer OneHotEncoder Scaler "
    "SVMClassifier SVMRegressor TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor ZipMap"
)

# Left out on purpose: If, Loop and Scan (hidden graphs), and ConstantOfShape, Expand, OneHot, Pad,
# RandomNormal, Range, Resize and Tile (small file, huge memory), and Einsum (small file, hours).
ALLOWED_OPERATORS: dict[str, frozenset[str]] = {
    "": frozenset(
        " ".join((_ARITHMETIC, _COMPARISON, _ACTIVATION, _REDUCTION, _SHAPE, _LAYER)).split()
    ),
    "ai.onnx.ml": frozenset(_CLASSIC.split()),
}

# Oldest and newest versions whose meaning of the operators above is known.
_OPSETS = {"": (7, 28), "ai.onnx.ml": (1, 6)}
_IR_VERSIONS = (3, 14)
# Bits of one element by the number of its type; strings are what labels are encoded from.
_ELEMENT_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 16: 16,
}  # fmt: skip
_STRING = 8
# Attributes whose whole number is a value of the model, and no size, axis or count.
_VALUES = frozenset({"default_int64", "replaced_value_int64", "value_int", "value_ints"})
# By the number of the type; references to functions, types and sparse tensors are not among them.
_VALUE_FIELDS = {
    1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings", 9: "tensors",
    10: "graphs",
}  # fmt: skip
_LISTS = frozenset({"floats", "ints", "strings"})
_SHAPES = ("AveragePool", "Conv", "ConvTranspose", "MaxPool")


@dataclass(frozen=True)
class ScanLimits:
    """The largest model that is accepted.

    Args:
        tensor_elements: of one constant, or of a declared shape.
        values: of all attributes of all operators; of trees, each node has about ten.
        attribute: the largest size, axis or count that an operator may name.
    """

    size_bytes: int = 256 * 1024 * 1024
    nodes: int = 20_000
    tensor_elements: int = 64 * 1024 * 1024
    values: int = 64 * 1024 * 1024
    attribute: int = 1_000_000
    rank: int = 16


@dataclass(frozen=True, order=True)
class ScanFinding:
    """One thing in a model that should not be there: which rule it breaks, where, and what was
    found.
    """

    rule: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule} in {self.where}: {self.detail}"


def require_safe(payload: bytes) -> None:
    """Return for bytes without findings.

    Raises: UnsafeModel ENG-205 with the findings, InvalidModel ENG-202 for what is no graph.
    Cost: 4 ms for a booster of 120 trees with 63 leaves, 17 ms for one of ten times the size.
    """
    findings = scan_onnx(payload)
    if findings and findings[0].rule == "unreadable":
        raise InvalidModel(reason=f"the bytes are no ONNX, {findings[0].detail}")
    if findings:
        raise UnsafeModel(findings="; ".join(_shortened(str(each)) for each in findings[:5]))


def scan_onnx(payload: bytes, *, limits: ScanLimits | None = None) -> tuple[ScanFinding, ...]:
    """All findings in rising order; none means that the model may be loaded.

    The rules are `size`, `unreadable`, `version`, `operator`, `domain`, `function`, `subgraph`,
    `external_data`, `training`, `nodes`, `attribute`, `shape`, `tensor` and `trees`.
    """
    limits = limits or ScanLimits()
    if len(payload) > limits.size_bytes:
        return (
            ScanFinding("size", "file", f"{len(payload)} bytes, allowed are {limits.size_bytes}"),
        )
    try:
        model = read_message(payload)
    except MalformedProtobuf as error:
        return (ScanFinding("unreadable", "file", str(error)),)
    [graph] = model.messages("graph") or [Message("GraphProto")]
    if not graph.messages("node"):
        return (ScanFinding("unreadable", "file", "the protobuf holds no graph"),)
    return tuple(sorted({*_model_findings(model), *_graph_findings(graph, "graph", limits)}))


def _model_findings(model: Message) -> Iterator[ScanFinding]:
    """What the model declares around its graph."""
    if not _IR_VERSIONS[0] <= model.integer("ir_version") <= _IR_VERSIONS[1]:
        yield ScanFinding("version", "ir_version", str(model.integer("ir_version")))
    imports = [
        (_domain(each.text("domain")), each.integer("version"))
        for each in model.messages("opset_import")
    ]
    for domain, version in imports:
        if domain not in ALLOWED_OPERATORS:
            yield ScanFinding("domain", "opset_import", domain)
        elif not _OPSETS[domain][0] <= version <= _OPSETS[domain][1]:
            yield ScanFinding("version", "opset_import", f"{domain or 'ai.onnx'} {version}")
    if len({domain for domain, _ in imports}) < len(imports):
        yield ScanFinding("version", "opset_import", "a domain is imported twice")
    if count := model.count("functions"):
        yield ScanFinding("function", "functions", f"{count} functions")
    if count := model.count("training_info"):
        yield ScanFinding("training", "training_info", f"{count} training graphs")


def _graph_findings(graph: Message, where: str, limits: ScanLimits) -> Iterator[ScanFinding]:
    """What one graph and the graphs inside it contain; operators are reported once per kind."""
    nodes = graph.messages("node")
    if len(nodes) > limits.nodes:
        yield ScanFinding("nodes", where, f"{len(nodes)} nodes, allowed are {limits.nodes}")
    for (domain, operator), count in Counter(map(_operator, nodes)).items():
        if operator not in ALLOWED_OPERATORS.get(domain, frozenset()):
            yield ScanFinding("operator", where, f"{domain or 'ai.onnx'}.{operator} × {count}")
    values = sum(_count_values(a) for n in nodes for a in n.messages("attribute"))
    if values > limits.values:
        yield ScanFinding("attribute", where, f"{values} values, allowed are {limits.values}")
    for tensor in _tensors(graph):
        yield from _tensor_findings(tensor, where, limits)
    for field in ("input", "output", "value_info"):
        for value in graph.messages(field):
            yield from _value_findings(value, where, limits)
    for node in nodes:
        yield from _node_findings(node, where, limits)


def _node_findings(node: Message, where: str, limits: ScanLimits) -> Iterator[ScanFinding]:
    """Sizes that an operator names, and the graphs inside it."""
    operator = node.text("op_type")
    if operator in TREE_OPERATORS:
        yield from (ScanFinding("trees", where, fault) for fault in tree_faults(node))
    for attribute in node.messages("attribute"):
        name = attribute.text("name")
        if not _is_consistent(attribute):
            yield ScanFinding("attribute", where, f"{operator}.{name} is not of the type it says")
        if name == "num_outputs" and attribute.integer("i") != node.count("output"):
            yield ScanFinding("attribute", where, f"{operator}.{name} is not its number of outputs")
        for number in _sizes(attribute, operator):
            if abs(number) > limits.attribute:
                yield ScanFinding("attribute", where, f"{operator}.{name} = {number}")
        for inner in (*attribute.messages("g"), *attribute.messages("graphs")):
            yield ScanFinding("subgraph", where, f"inside {operator}")
            yield from _graph_findings(inner, f"{where}/{operator}", limits)


def _is_consistent(attribute: Message) -> bool:
    """Whether an attribute has one value, of the type that it says."""
    written = {name for name in _VALUE_FIELDS.values() if attribute.has(name)}
    said = _VALUE_FIELDS.get(attribute.integer("type"))
    # A list without entries is not written at all.
    return said is not None and (written == {said} or (not written and said in _LISTS))


def _sizes(attribute: Message, operator: str) -> Iterator[int]:
    """The whole numbers of an attribute that are no values."""
    if attribute.text("name") in _VALUES:
        return
    yield attribute.integer("i")
    if operator in _SHAPES:
        yield from attribute.integers("ints")


def _value_findings(value: Message, where: str, limits: ScanLimits) -> Iterator[ScanFinding]:
    """A declared shape that is larger than it may be."""
    for tensor in (t for kind in value.messages("type") for t in kind.messages("tensor_type")):
        sizes = [
            dimension.integer("dim_value")
            for shape in tensor.messages("shape")
            for dimension in shape.messages("dim")
        ]
        if _is_too_large([size for size in sizes if size], limits) or len(sizes) > limits.rank:
            yield ScanFinding("shape", where, f"{value.text('name')} of shape {tuple(sizes[:9])}")


def _tensor_findings(tensor: Message, where: str, limits: ScanLimits) -> Iterator[ScanFinding]:
    """A tensor that lies outside of the file, is larger than it may be, or says another size than
    it has.
    """
    name = tensor.text("name") or "attribute"
    if tensor.integer("data_location") or tensor.has("external_data"):
        entries = tensor.messages("external_data")
        paths = ", ".join(e.text("value") for e in entries if e.text("key") == "location")
        yield ScanFinding("external_data", where, f"{name} at {paths or 'an unnamed place'}")
        return
    if tensor.count("dims") > limits.rank:
        yield ScanFinding("tensor", where, f"{name} has {tensor.count('dims')} dimensions")
        return
    sizes = list(tensor.integers("dims"))
    if _is_too_large(sizes, limits):
        yield ScanFinding("tensor", where, f"{name} of shape {tuple(sizes)}")
    elif not _holds(tensor, prod(sizes)):
        yield ScanFinding("tensor", where, f"{name} of shape {tuple(sizes)} holds another number")


def _is_too_large(sizes: list[int], limits: ScanLimits) -> bool:
    return min(sizes, default=0) < 0 or prod(sizes) > limits.tensor_elements


def _holds(tensor: Message, elements: int) -> bool:
    """Whether a tensor has the data of so many elements, in one place, of a type that is known."""
    kind = tensor.integer("data_type")
    written = [
        name
        for name in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
        if tensor.has(name)
    ]
    if kind == _STRING:
        return not tensor.has("raw_data") and tensor.count("string_data") == elements
    bits = _ELEMENT_BITS.get(kind)
    if bits is None or tensor.has("string_data"):
        return False
    if tensor.has("raw_data"):
        [raw] = tensor.texts("raw_data")
        return not written and len(raw) * 8 == elements * bits
    return sum(map(tensor.count, written)) == elements and len(written) <= 1


def _tensors(graph: Message) -> Iterator[Message]:
    """All constants of a graph: initialisers, sparse ones, and those in attributes."""
    yield from graph.messages("initializer")
    sparse = list(graph.messages("sparse_initializer"))
    for attribute in (a for n in graph.messages("node") for a in n.messages("attribute")):
        yield from attribute.messages("t")
        yield from attribute.messages("tensors")
        sparse += attribute.messages("sparse_tensor")
        sparse += attribute.messages("sparse_tensors")
    for tensor in sparse:
        yield from tensor.messages("values")
        yield from tensor.messages("indices")


def _count_values(attribute: Message) -> int:
    return sum(map(attribute.count, ("floats", "ints", "strings")))


def _operator(node: Message) -> tuple[str, str]:
    return _domain(node.text("domain")), node.text("op_type")


def _domain(name: str) -> str:
    """A domain by its one name: the default domain may be written "ai.onnx" or as nothing."""
    return "" if name == "ai.onnx" else name


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:199]}…"
