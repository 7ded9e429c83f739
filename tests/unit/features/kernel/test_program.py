"""Outputs become tables that share lanes and windows."""

import pytest

from mainspring.features.kernel.program import (
    UNBOUNDED_SPAN,
    AggregateOp,
    OutputSpec,
    ValueKind,
    compile_program,
)


def test_a_mean_and_a_count_of_one_column_share_a_lane() -> None:
    program = compile_program(
        [
            OutputSpec(AggregateOp.MEAN, 0, 5),
            OutputSpec(AggregateOp.COUNT, 0, 5),
            OutputSpec(AggregateOp.SUM, 0, 9),
        ],
        kinds=[ValueKind.FLOAT],
    )
    assert len(program.tables.lanes) == 1


def test_equal_spans_are_one_window_and_windows_ascend() -> None:
    program = compile_program(
        [
            OutputSpec(AggregateOp.MEAN, 0, 9),
            OutputSpec(AggregateOp.MIN, 0, None),
            OutputSpec(AggregateOp.MAX, 0, 5),
            OutputSpec(AggregateOp.SUM, 0, 9),
        ],
        kinds=[ValueKind.FLOAT],
    )
    assert program.tables.reach.tolist() == [5, 9, UNBOUNDED_SPAN]


def test_windows_of_lookups_alone_carry_no_sums() -> None:
    program = compile_program(
        [OutputSpec(AggregateOp.LATEST, 0, 3), OutputSpec(AggregateOp.SUM, 0, 9)],
        kinds=[ValueKind.FLOAT],
    )
    assert (program.tables.reach.tolist(), program.tables.aggregated) == ([9, 2], 1)


def test_counts_are_integers_means_are_floats_and_the_rest_is_like_its_column() -> None:
    outputs = [
        OutputSpec(AggregateOp.COUNT_ROWS),
        *(
            OutputSpec(op, 0)
            for op in (AggregateOp.COUNT, AggregateOp.MEAN, AggregateOp.SUM, AggregateOp.LATEST)
        ),
    ]
    assert compile_program(outputs, kinds=[ValueKind.INTEGER]).kinds == (
        ValueKind.INTEGER,
        ValueKind.INTEGER,
        ValueKind.FLOAT,
        ValueKind.INTEGER,
        ValueKind.INTEGER,
    )


def test_a_list_takes_a_row_for_its_length_before_its_values() -> None:
    outputs = [
        OutputSpec(AggregateOp.COUNT, 0),
        OutputSpec(AggregateOp.LAST_K, 0, size=3),
        OutputSpec(AggregateOp.HISTOGRAM, 0, size=3, parameters=(0, 9)),
        OutputSpec(AggregateOp.MAX, 0),
    ]
    program = compile_program(outputs, kinds=[ValueKind.INTEGER])
    assert [program.slots(index) for index in range(4)] == [
        range(1),
        range(1, 5),
        range(5, 8),
        range(8, 9),
    ]


def test_extremes_and_lists_of_extremes_share_a_tree() -> None:
    outputs = [
        OutputSpec(AggregateOp.MAX, 0),
        OutputSpec(AggregateOp.TOP_K, 0, 5, size=9),
        OutputSpec(AggregateOp.FIRST, 0),
        OutputSpec(AggregateOp.FIRST_K, 0, size=2),
    ]
    assert compile_program(outputs, kinds=[ValueKind.FLOAT]).tables.sizes.trees == 2


def test_multisets_with_other_parameters_are_others() -> None:
    outputs = [
        OutputSpec(AggregateOp.APPROX_DISTINCT, 0, span, parameters=(precision,))
        for span in (5, 9)
        for precision in (10, 12)
    ]
    assert compile_program(outputs, kinds=[ValueKind.FLOAT]).tables.sizes.bags == 2


REFUSED = [
    OutputSpec(AggregateOp.SUM, 1, 5),
    OutputSpec(AggregateOp.SUM, 0, 0),
    OutputSpec(AggregateOp.SUM, 0, UNBOUNDED_SPAN + 1),
    OutputSpec(AggregateOp.LATEST),
    OutputSpec(AggregateOp.ANY, 0),
    OutputSpec(AggregateOp.SUM, 0, size=2),
    OutputSpec(AggregateOp.TOP_K, 0, size=0),
    OutputSpec(AggregateOp.DISTINCT, 0, parameters=(9,)),
    OutputSpec(AggregateOp.DISTINCT, 0, parameters=(9, 2)),
    OutputSpec(AggregateOp.APPROX_DISTINCT, 0, parameters=(3,)),
    OutputSpec(AggregateOp.QUANTILES, 0, size=2, parameters=(0,)),
    OutputSpec(AggregateOp.QUANTILES, 0, parameters=(0x7FF8 << 48,)),
    OutputSpec(AggregateOp.HISTOGRAM, 0, size=3, parameters=(0x3FF << 52, 0)),
    OutputSpec(AggregateOp.VALUE_COUNTS, 0, size=3, parameters=(0, 0)),
    OutputSpec(AggregateOp.EWMA, 0, parameters=(0,)),
]


@pytest.mark.parametrize("output", REFUSED)
def test_an_output_that_cannot_be_computed_is_refused(output: OutputSpec) -> None:
    with pytest.raises(ValueError, match=output.op.name):
        compile_program([output], kinds=[ValueKind.FLOAT])


def test_a_lookup_looks_strictly_before_its_question() -> None:
    with pytest.raises(ValueError, match="LATEST"):
        compile_program(
            [OutputSpec(AggregateOp.LATEST, 0)], kinds=[ValueKind.FLOAT], closed="right"
        )
