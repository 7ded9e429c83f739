"""Outputs become tables that share lanes and windows."""

import pytest

from mainspring.features.kernel.program import FOREVER, Kind, Op, Output, compile_program


def test_a_mean_and_a_count_of_one_column_share_a_lane() -> None:
    program = compile_program([Output(Op.MEAN, 0, 5), Output(Op.COUNT, 0, 5), Output(Op.SUM, 0, 9)], kinds=[Kind.FLOAT])
    assert len(program.tables.lanes) == 1


def test_equal_spans_are_one_window_and_windows_ascend() -> None:
    program = compile_program([Output(Op.MEAN, 0, 9), Output(Op.MIN, 0, None), Output(Op.MAX, 0, 5), Output(Op.SUM, 0, 9)], kinds=[Kind.FLOAT])
    assert program.tables.reach.tolist() == [5, 9, FOREVER]


def test_windows_of_lookups_alone_carry_no_sums() -> None:
    program = compile_program([Output(Op.LATEST, 0, 3), Output(Op.SUM, 0, 9)], kinds=[Kind.FLOAT])
    assert (program.tables.reach.tolist(), program.tables.aggregated) == ([9, 2], 1)


def test_counts_are_integers_means_are_floats_and_the_rest_is_like_its_column() -> None:
    outputs = [Output(Op.COUNT_ROWS), *(Output(op, 0) for op in (Op.COUNT, Op.MEAN, Op.SUM, Op.LATEST))]
    assert compile_program(outputs, kinds=[Kind.INTEGER]).kinds == (Kind.INTEGER, Kind.INTEGER, Kind.FLOAT, Kind.INTEGER, Kind.INTEGER)


@pytest.mark.parametrize("output", [Output(Op.SUM, 1, 5), Output(Op.SUM, 0, 0), Output(Op.SUM, 0, FOREVER + 1), Output(Op.LATEST)])
def test_an_output_that_cannot_be_computed_is_refused(output: Output) -> None:
    with pytest.raises(ValueError, match=output.op.name):
        compile_program([output], kinds=[Kind.FLOAT])
