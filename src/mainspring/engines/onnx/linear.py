"""The terms of an exported linear model, read from its bytes: its transformers are run here in
NumPy, as far as the columns that the coefficients are multiplied with.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mainspring.engines.onnx.wire import Message, read_message

__all__ = ["LinearModel", "read_linear"]

Floats = NDArray[np.float64]
_DTYPES = {7: "<i8", 11: "<f8"}
_STEPS = frozenset(("IsNaN", "Where", "Sub", "Div", "Gather", "Concat", "Equal"))


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A sum of columns times coefficients, and an intercept for each output.

    Shapes: intercept (outputs,); coefficients (columns, outputs).
    """

    steps: tuple[tuple[str, tuple[str, ...], str], ...]
    constants: dict[str, NDArray[np.generic]]
    source: str
    intercept: Floats
    coefficients: Floats

    def terms(self, matrix: Floats) -> Floats:
        """What each column of the matrix adds to the raw score; each column of the sum belongs to
        one of them, because no transformer mixes them.

        Shapes: matrix (rows, columns); the answer (rows, outputs, columns).
        """
        values: dict[str, NDArray[np.generic]] = {**self.constants, "X": matrix}
        origins = {"X": np.arange(matrix.shape[1])}
        for operator, inputs, output in self.steps:
            values[output] = _run(operator, [values[name] for name in inputs])
            own = [origins[name] for name in inputs if name in origins]
            match operator:
                case "Gather":
                    origins[output] = own[0][values[inputs[1]].astype(np.int64)]
                case "Concat":
                    origins[output] = np.concatenate(own)
                case _:
                    # A code is compared with all categories at once: one column becomes many.
                    origins[output] = np.broadcast_to(own[0], values[output].shape[1:])
        added = values[self.source].astype(np.float64)[:, None, :] * self.coefficients.T
        found = np.zeros((len(matrix), len(self.intercept), matrix.shape[1]))
        for column, origin in enumerate(origins[self.source].tolist()):
            found[:, :, origin] += added[:, :, column]
        return found


def read_linear(payload: bytes) -> LinearModel | None:
    """The linear model that we have exported; None for another graph.

    Args:
        payload: bytes that were scanned (`scan.require_safe`).
    """
    [graph] = read_message(payload).messages("graph")
    constants = {each.text("name"): _constant(each) for each in graph.messages("initializer")}
    products = [tuple(each.texts("input")) for each in graph.messages("node")]
    if (b"columns", b"coefficients") not in products or (b"total", b"intercept") not in products:
        return None
    steps = list[tuple[str, tuple[str, ...], str]]()
    for node in graph.messages("node"):
        operator = node.text("op_type")
        inputs = tuple(each.decode() for each in node.texts("input"))
        if operator == "Unsqueeze":
            return LinearModel(
                tuple(steps),
                constants,
                inputs[0],
                constants["intercept"].astype(np.float64),
                constants["coefficients"].astype(np.float64),
            )
        if operator not in _STEPS:
            return None
        steps.append((operator, inputs, node.texts("output")[0].decode()))
    return None


def _run(operator: str, inputs: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    """One step, as ONNX defines it; what is gathered and put side by side are columns."""
    match operator:
        case "IsNaN":
            return np.isnan(inputs[0].astype(np.float64))
        case "Where":
            return np.where(inputs[0].astype(np.bool_), inputs[1], inputs[2])
        case "Sub":
            return inputs[0].astype(np.float64) - inputs[1].astype(np.float64)
        case "Div":
            return inputs[0].astype(np.float64) / inputs[1].astype(np.float64)
        case "Gather":
            return inputs[0][:, inputs[1].astype(np.int64)]
        case "Equal":
            return np.equal(inputs[0].astype(np.float64), inputs[1].astype(np.float64))
        case _:
            return np.concatenate(inputs, axis=1)


def _constant(tensor: Message) -> NDArray[np.generic]:
    raw = b"".join(tensor.texts("raw_data"))
    shape = tensor.integer_array("dims")
    dtype = _DTYPES.get(tensor.integer("data_type"))
    return np.frombuffer(raw, dtype=dtype).reshape(shape) if dtype else np.empty(0)
