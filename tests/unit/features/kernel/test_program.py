"""Outputs become tables that share lanes and windows."""

import pytest

from mainspring.features.kernel.program import FOREVER, Kind, Op, Output, compile_program


def test_a_mean_and_a_count_of_one_column_share_a_lane() -> None:
    program = compile_program(
        [Output(Op.MEAN, 0, 5), Output(Op.COUNT, 0, 5), Output(Op.SUM, 0, 9)], kinds=[Kind.FLOAT]
    )
    assert len(program.tables.lanes) == 1


def test_equal_spans_are_one_window_and_windows_ascend() -> None:
    program = compile_program(
        [
            Output(Op.MEAN, 0, 9),
            Output(Op.MIN, 0, None),
            Output(Op.MAX, 0, 5),
            Output(Op.SUM, 0, 9),
        ],
        kinds=[Kind.FLOAT],
    )
    assert program.tables.reach.tolist() == [5, 9, FOREVER]


def test_windows_of_lookups_alone_carry_no_sums() -> None:
    program = compile_program([Output(Op.LATEST, 0, 3), Output(Op.SUM, 0, 9)], kinds=[Kind.FLOAT])
    assert (program.tables.reach.tolist(), program.tables.aggregated) == ([9, 2], 1)


def test_counts_are_integers_means_are_floats_and_the_rest_is_like_its_column() -> None:
    outputs = [
        Output(Op.COUNT_ROWS),
        *(Output(op, 0) for op in (Op.COUNT, Op.MEAN, Op.SUM, Op.LATEST)),
    ]
    assert compile_program(outputs, kinds=[Kind.INTEGER]).kinds == (
        Kind.INTEGER,
        Kind.INTEGER,
        Kind.FLOAT,
        Kind.INTEGER,
        Kind.INTEGER,
    )


def test_a_list_takes_a_row_for_its_length_before_its_values() -> None:
    outputs = [
        Output(Op.COUNT, 0),
        Output(Op.LAST_K, 0, size=3),
        Output(Op.HISTOGRAM, 0, size=3, parameters=(0, 9)),
        Output(Op.MAX, 0),
    ]
    program = compile_program(outputs, kinds=[Kind.INTEGER])
    assert [program.slots(index) for index in range(4)] == [
        range(1),
        range(1, 5),
        range(5, 8),
        range(8, 9),
    ]


def test_extremes_and_lists_of_extremes_share_a_tree() -> None:
    outputs = [
        Output(Op.MAX, 0),
        Output(Op.TOP_K, 0, 5, size=9),
        Output(Op.FIRST, 0),
        Output(Op.FIRST_K, 0, size=2),
    ]
    assert compile_program(outputs, kinds=[Kind.FLOAT]).tables.sizes.trees == 2


def test_multisets_with_other_parameters_are_others() -> None:
    outputs = [
        Output(Op.APPROX_DISTINCT, 0, span, parameters=(precision,))
        for span in (5, 9)
        for precision in (10, 12)
    ]
    assert compile_program(outputs, kinds=[Kind.FLOAT]).tables.sizes.bags == 2


REFUSED = [
    Output(Op.SUM, 1, 5),
    Output(Op.SUM, 0, 0),
    Output(Op.SUM, 0, FOREVER + 1),
    Output(Op.LATEST),
    Output(Op.ANY, 0),
    Output(Op.SUM, 0, size=2),
    Output(Op.TOP_K, 0, size=0),
    Output(Op.DISTINCT, 0, parameters=(9,)),
    Output(Op.DISTINCT, 0, parameters=(9, 2)),
    Output(Op.APPROX_DISTINCT, 0, parameters=(3,)),
    Output(Op.QUANTILES, 0, size=2, parameters=(0,)),
    Output(Op.QUANTILES, 0, parameters=(0x7FF8 << 48,)),
    Output(Op.HISTOGRAM, 0, size=3, parameters=(0x3FF << 52, 0)),
    Output(Op.VALUE_COUNTS, 0, size=3, parameters=(0, 0)),
    Output(Op.EWMA, 0, parameters=(0,)),
]


@pytest.mark.parametrize("output", REFUSED)
def test_an_output_that_cannot_be_computed_is_refused(output: Output) -> None:
    with pytest.raises(ValueError, match=output.op.name):
        compile_program([output], kinds=[Kind.FLOAT])


def test_a_lookup_looks_strictly_before_its_question() -> None:
    with pytest.raises(ValueError, match="LATEST"):
        compile_program([Output(Op.LATEST, 0)], kinds=[Kind.FLOAT], closed="right")
