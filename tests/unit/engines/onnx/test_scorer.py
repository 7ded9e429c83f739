"""The session wrapper: shapes, types, metadata and translated errors."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from mainspring.engines.onnx.errors import (
    InputMismatch,
    InvalidModel,
    ScoringFailed,
    UnsafeModel,
)
from mainspring.engines.onnx.scorer import OnnxScorer, ScorerTensor


def model_of(nodes, outputs, *, dtype=TensorProto.DOUBLE, columns=3, constants=()):
    """A model of `nodes` from X, (rows, columns), to outputs given as name → shape."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("X", dtype, ["rows", columns])],
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in outputs.items()],
        list(constants),
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    ).SerializeToString()


def row_means(dtype=TensorProto.DOUBLE):
    return model_of(
        [helper.make_node("ReduceMean", ["X", "axis"], ["value"])],
        {"value": ["rows", 1]},
        dtype=dtype,
        constants=[AXIS],
    )


AXIS = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
ROWS = np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 7.0]])


def test_one_number_per_row_comes_back_flat():
    np.testing.assert_array_equal(OnnxScorer(row_means()).predict(ROWS), [2.0, 5.0])


def test_several_numbers_per_row_come_back_as_a_matrix():
    scorer = OnnxScorer(
        model_of([helper.make_node("Neg", ["X"], ["value"])], {"value": ["rows", 3]})
    )
    np.testing.assert_array_equal(scorer.predict(ROWS), -ROWS)
    assert scorer.score_shape == (-1, 3)
    assert OnnxScorer(row_means()).score_shape == (-1,)


def test_a_model_of_floats_reads_and_returns_doubles():
    scores = OnnxScorer(row_means(TensorProto.FLOAT)).predict(ROWS)
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores, [2.0, 5.0])


def test_no_rows_give_no_scores():
    assert OnnxScorer(row_means()).predict(np.empty((0, 3))).shape == (0,)


def test_rows_in_any_memory_order_score_alike():
    scorer = OnnxScorer(row_means())
    assert scorer.predict(np.asfortranarray(ROWS)).tobytes() == scorer.predict(ROWS).tobytes()


def test_metadata_is_in_the_words_of_the_open_inference_protocol():
    scorer = OnnxScorer(row_means())
    assert scorer.inputs == (ScorerTensor(name="X", datatype="FP64", shape=(-1, 3)),)
    assert scorer.outputs == (ScorerTensor(name="value", datatype="FP64", shape=(-1, 1)),)


def test_the_output_with_predictions_is_found_by_its_name():
    nodes = [
        helper.make_node("Neg", ["X"], ["other"]),
        helper.make_node("Abs", ["X"], ["probability"]),
    ]
    scorer = OnnxScorer(model_of(nodes, {"other": ["rows", 3], "probability": ["rows", 3]}))
    assert [output.name for output in scorer.outputs] == ["probability"]


def test_an_output_can_be_asked_for():
    nodes = [
        helper.make_node("Neg", ["X"], ["other"]),
        helper.make_node("Abs", ["X"], ["probability"]),
    ]
    scorer = OnnxScorer(
        model_of(nodes, {"other": ["rows", 3], "probability": ["rows", 3]}), output="other"
    )
    np.testing.assert_array_equal(scorer.predict(ROWS), -ROWS)


def test_an_unknown_output_is_refused_with_those_that_exist():
    with pytest.raises(InvalidModel, match="named margin; it has value"):
        OnnxScorer(row_means(), output="margin")


@pytest.mark.parametrize("shape", [(2, 4), (2, 2), (3,), (1, 1, 3)])
def test_rows_of_another_shape_are_refused(shape):
    with pytest.raises(InputMismatch, match=r"reads \(rows, 3\)"):
        OnnxScorer(row_means()).predict(np.zeros(shape))


@pytest.mark.parametrize(
    "payload", [b"", b"no model at all", row_means()[:-20]], ids=["empty", "text", "truncated"]
)
def test_bytes_that_are_no_model_are_refused(payload):
    with pytest.raises(InvalidModel):
        OnnxScorer(payload)


def test_an_operator_that_no_model_needs_is_refused():
    with pytest.raises(UnsafeModel, match="Teleport"):
        OnnxScorer(
            model_of([helper.make_node("Teleport", ["X"], ["value"])], {"value": ["rows", 3]})
        )


def test_a_failure_inside_the_graph_is_translated():
    places = helper.make_tensor("places", TensorProto.INT64, [1], [5])
    scorer = OnnxScorer(
        model_of(
            [helper.make_node("Gather", ["X", "places"], ["value"], axis=0)],
            {"value": ["rows", 3]},
            constants=[places],
        )
    )
    with pytest.raises(ScoringFailed, match="indices element out of data bounds"):
        scorer.predict(ROWS)
