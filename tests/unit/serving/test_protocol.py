"""Bodies of the Open Inference Protocol."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements.errors import MainspringError
from mainspring.ports.errors import BadRequest, BodyTooComplex
from mainspring.serving.errors import TooManyRows, WrongTensor
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.errors import WrongField
from mainspring.serving.protocol.metadata import metadata_of
from mainspring.serving.protocol.request import decode_request
from mainspring.serving.protocol.response import encode_response
from tests.unit.serving.conftest import Adder

WIDTH = 2
MODEL = matrix_model("late", "v1", Adder(WIDTH), ["a", "b"])
NARROW = matrix_model("late", "v1", Adder(WIDTH, "FP32"), ["a", "b"])


def matrix_of(payload, model):
    """The request, and the matrix that the model gets."""
    request = decode_request(payload, {}, model)
    return request, request.inputs["features"]


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
    _, flat = matrix_of(body(tensor()), MODEL)
    _, nested = matrix_of(body(tensor(data=[[1, 2], [3, None]])), MODEL)
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
        tensor(data=[[1, 3], [2, None], [0, 0]]),
        tensor(data=[[1, 2, 3], [4]]),
        tensor(data=[[1, 2], 3, 4]),
        tensor(data=[1, 2, 3, [4]]),
        tensor(shape=[1, WIDTH], data=[[1], [2]]),
        tensor(data=["NaN", 1, 2, 3]),
        tensor(data=[1, 2, 3, True]),
    ],
    ids=lambda wrong: json.dumps(wrong)[:60],
)
def test_a_tensor_that_does_not_fit_is_refused(wrong):
    with pytest.raises(WrongTensor) as caught:
        matrix_of(body(wrong), MODEL)
    assert caught.value.code == "SRV-007"


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("INT32", 3_000_000_000),
        ("INT32", -(2**31) - 1),
        ("INT64", 2**63),
        ("INT64", 1.5),
        ("INT64", 2**53 + 1),
        ("INT64", 1152921504606847000),
        ("INT64", None),
        ("INT64", True),
        ("INT8", 128),
        ("UINT8", -1),
        ("UINT64", 2**64),
        ("BOOL", 2),
        ("BOOL", 0.5),
        ("BOOL", None),
        ("FP32", 1e300),
        ("FP32", -3.5e38),
        ("FP32", 2**24 + 1),
        ("FP32", 1e-60),
        ("FP64", 2**53 + 1),
    ],
)
def test_a_value_that_its_datatype_cannot_hold_is_refused_by_place(datatype, value):
    with pytest.raises(WrongTensor, match="row 1, column 'a'"):
        matrix_of(body(tensor(datatype=datatype, data=[1, 0, value, 0])), MODEL)


@pytest.mark.parametrize(
    ("datatype", "value", "means"),
    [
        ("INT32", 2**31 - 1, 2147483647.0),
        ("INT64", 18.0, 18.0),
        ("INT64", -(2**53), -9007199254740992.0),
        ("UINT64", 2**63, 2.0**63),
        ("FP64", 1152921504606847000, 2.0**60),
        ("BOOL", True, 1.0),
        ("BOOL", 0, 0.0),
        ("FP32", 0.1, float(np.float32(0.1))),
        ("FP32", 3.4028235e38, float(np.finfo(np.float32).max)),
        ("FP64", 0.1, 0.1),
        ("FP64", 6666666666666667000000, 2e22 / 3),
        ("FP64", 1.7976931348623157e308, 1.7976931348623157e308),
    ],
)
def test_a_value_that_its_datatype_holds_is_that_value(datatype, value, means):
    _, matrix = matrix_of(body(tensor(datatype=datatype, data=[1, 0, value, 0])), MODEL)
    assert matrix[1, 0] == means


@pytest.mark.parametrize(
    ("datatype", "value"), [("INT64", 2**24 + 1), ("FP64", 2**24 + 1), ("FP64", 1e300)]
)
def test_a_model_of_floats_is_given_no_number_that_floats_do_not_have(datatype, value):
    with pytest.raises(WrongTensor, match="the model takes FP32"):
        matrix_of(body(tensor(datatype=datatype, data=[1, 0, value, 0])), NARROW)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_every_double_arrives_as_it_was(values):
    for spelled in (values, [int(v) if v == int(v) else v for v in values]):
        _, matrix = matrix_of(body(tensor(data=spelled)), MODEL)
        assert matrix.ravel().tolist() == values


@pytest.mark.parametrize("spelled", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_json_has_no_word_for_what_is_no_number(spelled):
    with pytest.raises(BadRequest):
        matrix_of(body(tensor()).replace(b"null", spelled.encode()), MODEL)


def test_a_model_of_any_width_takes_any():
    wide = matrix_model("late", "v1", Adder(-1), [])
    assert matrix_of(body(tensor(shape=[1, 4])), wide)[1].shape == (1, 4)
    assert metadata_of(wide).inputs[0].shape == (-1, -1)


def test_no_input_and_two_inputs_are_refused():
    for inputs in ([], [tensor(), tensor()]):
        with pytest.raises(WrongTensor):
            matrix_of(body(*inputs), MODEL)


def test_an_output_that_the_model_does_not_have_is_refused():
    with pytest.raises(WrongField, match="no such output"):
        matrix_of(body(tensor(), outputs=[{"name": "label"}]), MODEL)


def test_too_many_rows_are_refused():
    with pytest.raises(TooManyRows):
        matrix_of(body(tensor(shape=[10_001, WIDTH], data=[0] * (10_001 * WIDTH))), MODEL)


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
    with pytest.raises((BadRequest, BodyTooComplex, WrongTensor)) as caught:
        matrix_of(payload, MODEL)
    assert isinstance(caught.value, MainspringError)


def test_the_answer_names_the_model_and_carries_the_id_of_the_request():
    request, matrix = matrix_of(body(tensor(), id="42", outputs=[{"name": "score"}]), MODEL)
    answer = json.loads(encode_response(MODEL, request, [np.nansum(matrix, axis=1)]).body)
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("late", "v1", "42")
    assert (answer["outputs"][0]["shape"], answer["outputs"][0]["data"]) == ([2], [3.0, 3.0])


def test_metadata_says_what_the_model_takes():
    described = metadata_of(MODEL)
    assert (described.inputs[0].name, described.inputs[0].shape, described.outputs[0].shape) == (
        "features",
        (-1, 2),
        (-1,),
    )
