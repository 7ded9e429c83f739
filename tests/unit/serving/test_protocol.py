"""Bodies of the Open Inference Protocol."""

import json

import numpy as np
import pytest

from mainspring.elements.errors import MainspringError
from mainspring.ports.errors import BadRequest
from mainspring.serving.errors import TooManyRows, WrongTensor
from mainspring.serving.protocol import infer_response, matrix_of, metadata_of

WIDTH = 2


def tensor(**changes):
    return {
        "name": "features",
        "shape": [2, WIDTH],
        "datatype": "FP64",
        "data": [1, 2, 3, None],
    } | changes


def body(*tensors, **more):
    return json.dumps({"inputs": list(tensors), **more}).encode()


def test_flat_and_nested_data_fill_the_same_matrix_and_null_is_nan():
    _, flat = matrix_of(body(tensor()), WIDTH)
    _, nested = matrix_of(body(tensor(data=[[1, 2], [3, None]])), WIDTH)
    np.testing.assert_array_equal(flat, [[1.0, 2.0], [3.0, np.nan]])
    assert flat.tobytes() == nested.tobytes()


@pytest.mark.parametrize(
    "wrong",
    [
        tensor(name="input_0"),
        tensor(datatype="BYTES"),
        tensor(shape=[2, 3], data=[0] * 6),
        tensor(shape=[0, WIDTH], data=[]),
        tensor(shape=[-2, WIDTH]),
        tensor(shape=[4]),
        tensor(shape=[10_000, WIDTH]),
        tensor(data=[]),
        tensor(data=[1, 2, 3, "4"]),
        tensor(data=[[[1, 2]], [[3, 4]]]),
        tensor(data=[1, 2, 3, 10**400]),
    ],
    ids=lambda wrong: json.dumps(wrong)[:60],
)
def test_a_tensor_that_does_not_fit_is_refused(wrong):
    with pytest.raises(WrongTensor) as caught:
        matrix_of(body(wrong), WIDTH)
    assert caught.value.code == "SRV-007"


def test_no_input_and_two_inputs_are_refused():
    for inputs in ([], [tensor(), tensor()]):
        with pytest.raises(WrongTensor):
            matrix_of(body(*inputs), WIDTH)


def test_an_output_that_the_model_does_not_have_is_refused():
    with pytest.raises(WrongTensor, match="no such output"):
        matrix_of(body(tensor(), outputs=[{"name": "label"}]), WIDTH)


def test_too_many_rows_are_refused():
    with pytest.raises(TooManyRows):
        matrix_of(body(tensor(shape=[10_001, WIDTH], data=[0] * (10_001 * WIDTH))), WIDTH)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"inputs": 1}',
        b'{"inputs":' + b"[" * 100_000,
        b'{"inputs":[{"name":"\xff"}]}',
    ],
)
def test_a_body_that_is_no_request_is_refused(payload):
    with pytest.raises((BadRequest, WrongTensor)) as caught:
        matrix_of(payload, WIDTH)
    assert isinstance(caught.value, MainspringError)


def test_the_answer_names_the_model_and_carries_the_id_of_the_request():
    request, matrix = matrix_of(body(tensor(), id="42", outputs=[{"name": "score"}]), WIDTH)
    answer = infer_response("late", "v1", request, np.nansum(matrix, axis=1))
    assert (answer.model_name, answer.model_version, answer.id) == ("late", "v1", "42")
    assert (answer.outputs[0].shape, answer.outputs[0].data) == ([2], [3.0, 3.0])


def test_metadata_says_what_the_model_takes():
    described = metadata_of("late", "v1", ["a", "b"])
    assert (described.inputs[0].name, described.inputs[0].shape, described.outputs[0].shape) == (
        "features",
        [-1, 2],
        [-1],
    )
