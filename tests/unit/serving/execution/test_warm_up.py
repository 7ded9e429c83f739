"""A model runs on rows of zeros before it is ready, and is no worse where it cannot."""

import numpy as np
import pytest

from mainspring.ports.errors import DeadlinePassed
from mainspring.ports.placement import Placed
from mainspring.ports.tensors import TensorSpec
from mainspring.serving.execution.warm_up import ROWS, warm_up_scorer, warm_up_tensors


class Seen:
    """A model that remembers the shapes and datatypes that it was run on."""

    platform, is_rowwise, placed, datatype = "python", True, Placed(), "FP64"
    feature_count, score_shape = 3, (-1,)
    outputs = (TensorSpec("score", "FP64", (-1,)),)

    def __init__(self, *inputs: TensorSpec, fault: Exception | None = None) -> None:
        self.inputs, self.fault = inputs, fault
        self.runs: list[dict[str, tuple[tuple[int, ...], str]]] = []

    def predict(self, matrix):
        self.run({"matrix": matrix}, ())
        return matrix[:, 0]

    def run(self, inputs, outputs):
        self.runs.append({name: (each.shape, str(each.dtype)) for name, each in inputs.items()})
        if self.fault:
            raise self.fault
        return [np.zeros(1) for _ in outputs]


def test_a_scorer_scores_one_row_and_those_of_turns():
    model = Seen()
    warm_up_scorer(model, 3)
    assert model.runs == [{"matrix": ((rows, 3), "float64")} for rows in ROWS]


def test_a_signature_is_run_with_tensors_of_its_own_datatypes():
    model = Seen(TensorSpec("ids", "INT64", (-1, 2)), TensorSpec("name", "BYTES", (-1,)))
    warm_up_tensors(model)
    assert model.runs == [
        {"ids": ((rows, 2), "int64"), "name": ((rows,), "object")} for rows in ROWS
    ]


@pytest.mark.parametrize("shape", [(-1, -1), (-1, 1 << 20)])
def test_a_model_of_open_or_large_tensors_is_not_run(shape):
    model = Seen(TensorSpec("image", "FP32", shape))
    warm_up_tensors(model)
    assert model.runs == []


def test_a_model_that_cannot_compute_zeros_is_opened_all_the_same():
    model = Seen(fault=DeadlinePassed(limit_s=0.5))
    warm_up_scorer(model, 3)
    assert len(model.runs) == 1
