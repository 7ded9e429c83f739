"""An ONNX model of any signature: named tensors in, named tensors out.

Outputs that are no tensors, such as the maps from label to probability that exporters of
scikit-learn add, are left out of its signature, and are not computed.  Whether rows may be joined
is told by the operators: a graph that has only those below answers each row by itself, to the bit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mainspring.engines.onnx.deadline import run_all_until_deadline
from mainspring.engines.onnx.errors import InvalidModel, ScoringFailed
from mainspring.engines.onnx.session import ForeignFault, open_session
from mainspring.engines.onnx.wire import read_message
from mainspring.ports.placement import ON_CPU, Placement
from mainspring.ports.tensors import Array, TensorSpec

__all__ = ["OnnxTensorModel"]

_DATATYPES = {
    "tensor(bool)": "BOOL",
    **{f"tensor(int{bits})": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"tensor(uint{bits})": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
# Each of these goes row by row.  Left out are vectorised functions (Exp, Sigmoid), whose last bit
# depends on a row's place, and whatever has an axis.
_ROW_BY_ROW = frozenset(
    {"Abs", "Cast", "Identity", "Neg", "Reciprocal", "TreeEnsemble", "ZipMap"}
    | {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}
)
# So do these with one number for all rows; two tensors could stretch each other.
_WITH_ONE_NUMBER = frozenset({"Add", "Mul", "Pow", "Sub"})
_RUNNING = ForeignFault(ScoringFailed)


class OnnxTensorModel:
    """One model in memory; safe to share between threads.

    Raises: InvalidModel ENG-202, also where an input is no tensor or no output is one; UnsafeModel
        ENG-205; SRV-120 to SRV-122 where it cannot compute at its place.
    """

    platform = "onnxruntime_onnx"

    def __init__(self, payload: bytes, place: Placement = ON_CPU) -> None:
        self._session, self.placed = open_session(payload, place)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self.inputs: Sequence[TensorSpec] = _described(inputs)
        self.outputs: Sequence[TensorSpec] = _described(outputs)
        if len(self.inputs) < len(inputs) or not self.inputs or not self.outputs:
            raise InvalidModel(
                reason="every input has to be a tensor of the Open Inference Protocol, and one "
                f"output at least; found {', '.join(each.type for each in (*inputs, *outputs))}"
            )
        self.is_rowwise: bool = all(
            spec.shape[:1] == (-1,) for spec in (*self.inputs, *self.outputs)
        ) and _goes_row_by_row(payload)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """These outputs.  Raises: ScoringFailed ENG-203 where ONNX Runtime refuses the inputs,
        DeadlinePassed SRV-048.
        """
        with _RUNNING:
            found = run_all_until_deadline(self._session, outputs, inputs)
        # A scalar comes as a number and no array.
        return [np.asarray(each) for each in found]


def _described(tensors: Sequence[Any]) -> list[TensorSpec]:
    """Those that the protocol can say; a symbolic or unknown dimension is -1."""
    return [
        TensorSpec(
            each.name,
            _DATATYPES[each.type],
            tuple(size if isinstance(size, int) else -1 for size in each.shape),
        )
        for each in tensors
        if each.type in _DATATYPES
    ]


def _goes_row_by_row(payload: bytes) -> bool:
    [graph] = read_message(payload).messages("graph")
    numbers = {
        each.text("name") for each in graph.messages("initializer") if not each.count("dims")
    }
    for node in graph.messages("node"):
        operator = node.text("op_type")
        operands = {each.decode() for each in node.texts("input")}
        if operator not in _ROW_BY_ROW and not (
            operator in _WITH_ONE_NUMBER and operands & numbers
        ):
            return False
    return True
