"""The kernel equals the oracle bit for bit, and no arrangement of its inputs can be told from its
answers.
"""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.features.kernel.arrays import NEVER, Facts, KernelResult, Spine
from mainspring.features.kernel.program import (
    LISTS,
    WHOLE_ROW,
    AggregateOp,
    ClosedEdges,
    OutOfRangeMode,
    OutputSpec,
    Program,
    ValueKind,
    compile_program,
)
from mainspring.features.kernel.windows.aggregate import aggregate
from tests.laws.oracle import Fact, answer_of, bits_of_value

KINDS = (ValueKind.FLOAT, ValueKind.INTEGER, ValueKind.FLOAT)
KEYS = 3

times = st.integers(0, 40)
spans = st.one_of(st.none(), st.integers(1, 45))
awkward = st.sampled_from(
    [
        1e16,
        1.0,
        -1e16,
        1e308,
        -1e308,
        5e-324,
        -5e-324,
        2.2250738585072014e-308,
        0.0,
        -0.0,
        0.1,
        1.7976931348623157e308,
        2.0**-53,
    ]
)
finite = st.one_of(awkward, st.floats(allow_nan=False, allow_infinity=False))
unruly = st.one_of(finite, st.sampled_from([float("nan"), float("inf"), float("-inf")]))
integers = st.one_of(
    st.integers(-5, 5), st.sampled_from([2**63 - 1, -(2**63), 2**62, -(2**62), 2**53 + 1])
)
rows = st.tuples(st.none() | finite, st.none() | integers, st.none() | unruly)


@st.composite
def fact_lists(draw: st.DrawFn) -> list[Fact]:
    """Facts with ties, lateness of any length, and supersession before, at and after they become
    visible.
    """
    facts = []
    for key in range(KEYS):
        for event_time in sorted(draw(st.lists(times, max_size=25))):
            visible_from = event_time + draw(st.one_of(st.just(0), st.integers(-3, 30)))
            visible_to = draw(st.one_of(st.just(NEVER), st.integers(0, 60)))
            facts.append(Fact(key, event_time, visible_from, visible_to, draw(rows)))
    return facts


def crowd(seed: int) -> list[Fact]:
    """Hundreds of facts of one key, a third of them late and a third superseded."""
    random = Random(seed)
    facts = []
    for event_time in sorted(random.choices(range(400), k=300)):
        visible_from = event_time + random.choice([0, 0, random.randrange(200)])
        visible_to = random.choice([NEVER, NEVER, visible_from + random.randrange(1, 300)])
        values = (
            random.uniform(-9.0, 9.0),
            random.choice([None, random.randrange(-99, 99)]),
            random.choice([None, 10.0 ** random.randrange(-20, 20)]),
        )
        facts.append(Fact(0, event_time, visible_from, visible_to, values))
    return facts


questions = st.lists(st.tuples(st.integers(-1, KEYS), st.integers(-2, 70)), min_size=1, max_size=20)
closings = st.sampled_from(["left", "right", "both"])
any_column = st.integers(0, 2)
nothing = st.just(())
READ_BY_ALL = (
    AggregateOp.COUNT,
    AggregateOp.SUM,
    AggregateOp.MEAN,
    AggregateOp.VAR,
    AggregateOp.STD,
    AggregateOp.MIN,
    AggregateOp.MAX,
    AggregateOp.FIRST,
    AggregateOp.LAST,
    AggregateOp.SINCE_LAST,
    AggregateOp.SKEW,
    AggregateOp.KURT,
)


def outputs_over(spans: st.SearchStrategy[int | None]) -> st.SearchStrategy[OutputSpec]:
    """Any output but LATEST over the columns of `KINDS`."""

    def of(
        *ops: AggregateOp,
        columns: st.SearchStrategy[int] = any_column,
        parameters: st.SearchStrategy[tuple[int, ...]] = nothing,
    ) -> st.SearchStrategy[OutputSpec]:
        return st.builds(
            OutputSpec, op=st.sampled_from(ops), column=columns, span=spans, parameters=parameters
        )

    def sized(
        *ops: AggregateOp,
        columns: st.SearchStrategy[int],
        parameters: st.SearchStrategy[tuple[int, ...]],
        more: int,
    ) -> st.SearchStrategy[OutputSpec]:
        return of(*ops, columns=columns, parameters=parameters).map(
            lambda output: replace(output, size=len(output.parameters) + more)
        )

    shares = st.lists(
        st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999, 1.0]) | st.floats(0, 1), min_size=1, max_size=3
    ).map(lambda q: tuple(map(bits_of_value, q)))
    edges = st.lists(unruly.filter(lambda x: x == x), max_size=4, unique=True).map(
        lambda e: tuple(bits_of_value(x) for x in sorted(e))
    )
    listed = st.lists(
        unruly.filter(lambda x: x != 0.0 or bits_of_value(x) == 0),
        max_size=4,
        unique_by=bits_of_value,
    ).map(lambda v: tuple(map(bits_of_value, v)))
    whole = st.lists(integers, max_size=4, unique=True)
    return st.one_of(
        of(*READ_BY_ALL),
        of(AggregateOp.ANY, AggregateOp.ALL, columns=st.just(1)),
        of(AggregateOp.COUNT_ROWS, AggregateOp.SINCE_LAST, columns=st.just(WHOLE_ROW)),
        of(
            AggregateOp.DISTINCT,
            parameters=st.tuples(
                st.integers(0, 9) | st.just(1000), st.sampled_from(OutOfRangeMode)
            ),
        ),
        of(AggregateOp.APPROX_DISTINCT, parameters=st.tuples(st.integers(4, 9))),
        of(AggregateOp.EWMA, parameters=st.tuples(st.integers(1, 100) | st.just(2**62))),
        st.builds(
            replace,
            of(AggregateOp.FIRST_K, AggregateOp.LAST_K, AggregateOp.TOP_K, AggregateOp.BOTTOM_K),
            size=st.integers(1, 40),
        ),
        sized(AggregateOp.QUANTILES, columns=any_column, parameters=shares, more=0),
        sized(AggregateOp.HISTOGRAM, columns=st.sampled_from([0, 2]), parameters=edges, more=1),
        sized(
            AggregateOp.HISTOGRAM,
            columns=st.just(1),
            parameters=whole.map(sorted).map(tuple),
            more=1,
        ),
        sized(AggregateOp.VALUE_COUNTS, columns=st.sampled_from([0, 2]), parameters=listed, more=1),
        sized(AggregateOp.VALUE_COUNTS, columns=st.just(1), parameters=whole.map(tuple), more=1),
    )


lookups = st.builds(
    OutputSpec, op=st.just(AggregateOp.LATEST), column=st.integers(0, 2), span=spans
)
outputs = st.lists(outputs_over(spans) | lookups, min_size=1, max_size=12)
closed_outputs = st.lists(outputs_over(spans), min_size=1, max_size=8)


def pack(facts: list[Fact]) -> Facts:
    """Facts as the kernel takes them."""
    columns = []
    for index, kind in enumerate(KINDS):
        held = [fact.values[index] for fact in facts]
        dtype = np.float64 if kind is ValueKind.FLOAT else np.int64
        columns.append(
            (
                np.array([0 if value is None else value for value in held], dtype=dtype),
                [value is not None for value in held],
            )
        )
    return Facts.of(
        key_start=np.searchsorted([fact.key for fact in facts], range(KEYS + 1)),
        event_time=[fact.event_time for fact in facts],
        visible_from=[fact.visible_from for fact in facts],
        visible_to=[fact.visible_to for fact in facts],
        columns=columns,
    )


def ask(program: Program, facts: Facts, asked: list[tuple[int, int]]) -> KernelResult:
    """The kernel's answer to (key, time) questions."""
    table = np.array(asked, dtype=np.int64).reshape(-1, 2)
    return aggregate(program, facts, Spine(table[:, 0].copy(), table[:, 1].copy()))


def canonical(answer: KernelResult, program: Program) -> list[list[int | None]]:
    """Bits or None, by row of the answer and row of the spine, with one NaN."""
    table: list[list[int | None]] = []
    for index, kind in enumerate(program.kinds):
        for slot in program.slots(index):
            is_float = kind is ValueKind.FLOAT and not is_length(program, index, slot)
            numbers = answer.floats(slot) if is_float else answer.integers(slot)
            table.append(
                [
                    bits_of_value(number.item()) if ok else None
                    for number, ok in zip(numbers, answer.valid[slot], strict=True)
                ]
            )
    return table


def is_length(program: Program, index: int, slot: int) -> bool:
    """Whether a row holds the length of a list."""
    return program.outputs[index].op in LISTS and slot == program.first_slot(index)


def expected(
    program: Program, facts: list[Fact], asked: list[tuple[int, int]]
) -> list[list[int | None]]:
    """The oracle's answers in the same form."""
    table: list[list[int | None]] = []
    for index, (output, kind) in enumerate(zip(program.outputs, program.kinds, strict=True)):
        answers = [answer_of(output, facts, key, time, program.closed) for key, time in asked]
        for slot, values in zip(program.slots(index), zip(*answers, strict=True), strict=True):
            is_float = kind is ValueKind.FLOAT and not is_length(program, index, slot)
            table.append(
                [
                    None if value is None else bits_of_value(float(value) if is_float else value)
                    for value in values
                ]
            )
    return table


@given(fact_lists(), questions, outputs)
@settings(max_examples=400, deadline=None)
def test_kernel_equals_the_oracle_bit_for_bit(
    facts: list[Fact], asked: list[tuple[int, int]], wanted: list[OutputSpec]
) -> None:
    program = compile_program(wanted, kinds=KINDS)
    answer = ask(program, pack(facts), asked)
    try:
        truth = expected(program, facts, asked)
    except OverflowError:
        assert answer.overflow is not None
        return
    assert answer.overflow is None
    assert canonical(answer, program) == truth


@given(fact_lists(), questions, closed_outputs, closings)
@settings(max_examples=200, deadline=None)
def test_a_window_closes_where_it_is_said_to(
    facts: list[Fact], asked: list[tuple[int, int]], wanted: list[OutputSpec], closed: ClosedEdges
) -> None:
    program = compile_program(wanted, kinds=KINDS, closed=closed)
    answer = ask(program, pack(facts), asked)
    try:
        truth = expected(program, facts, asked)
    except OverflowError:
        assert answer.overflow is not None
        return
    assert canonical(answer, program) == truth


@given(
    st.integers(0, 2**32),
    st.lists(outputs_over(st.none() | st.integers(1, 300)), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_a_crowded_key_equals_the_oracle(seed: int, wanted: list[OutputSpec]) -> None:
    facts, program = crowd(seed), compile_program(wanted, kinds=KINDS)
    asked = [(0, time) for time in Random(seed).choices(range(700), k=40)]
    assert canonical(ask(program, pack(facts), asked), program) == expected(program, facts, asked)


@given(
    st.lists(finite, min_size=1, max_size=60),
    st.sampled_from([AggregateOp.SUM, AggregateOp.MEAN, AggregateOp.VAR, AggregateOp.STD]),
)
@settings(max_examples=300, deadline=None)
def test_sum_mean_and_variance_are_the_fraction_rounded_once(
    values: list[float], op: AggregateOp
) -> None:
    facts = [Fact(0, time, time, NEVER, (value, None, None)) for time, value in enumerate(values)]
    program = compile_program([OutputSpec(op, 0, 30)], kinds=KINDS)
    asked = [(0, time) for time in range(len(values) + 31)]
    assert canonical(ask(program, pack(facts), asked), program) == expected(program, facts, asked)


@given(fact_lists(), questions, outputs, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_spine_changes_nothing(
    facts: list[Fact], asked: list[tuple[int, int]], wanted: list[OutputSpec], random
) -> None:
    program, packed = compile_program(wanted, kinds=KINDS), pack(facts)
    order = random.sample(range(len(asked)), len(asked))
    straight, shuffled = (
        ask(program, packed, asked),
        ask(program, packed, [asked[row] for row in order]),
    )
    assert straight.bits[:, order].tobytes() == shuffled.bits.tobytes()
    assert straight.valid[:, order].tobytes() == shuffled.valid.tobytes()


@given(fact_lists(), questions, outputs)
@settings(max_examples=60, deadline=None)
def test_one_row_asked_online_equals_the_same_row_in_a_batch(
    facts: list[Fact], asked: list[tuple[int, int]], wanted: list[OutputSpec]
) -> None:
    program = compile_program(wanted, kinds=KINDS)
    batch = ask(program, pack(facts), asked)
    for row, (key, time) in enumerate(asked):
        own = [replace(fact, key=0) for fact in facts if fact.key == key]
        alone = ask(program, pack(own), [(0, time)])
        assert alone.bits[:, 0].tobytes() == batch.bits[:, row].tobytes()
        assert alone.valid[:, 0].tobytes() == batch.valid[:, row].tobytes()


@given(fact_lists(), questions, outputs)
@settings(max_examples=60, deadline=None)
def test_what_a_row_sees_does_not_depend_on_facts_outside_its_windows(
    facts: list[Fact], asked: list[tuple[int, int]], wanted: list[OutputSpec]
) -> None:
    program = compile_program(wanted, kinds=KINDS)
    key, time = asked[0]
    visible = [
        fact
        for fact in facts
        if fact.key == key
        and fact.event_time < time
        and fact.visible_from <= time < fact.visible_to
    ]
    assert (
        ask(program, pack(facts), [(key, time)]).bits.tobytes()
        == ask(program, pack(visible), [(key, time)]).bits.tobytes()
    )


@given(fact_lists(), questions)
@settings(max_examples=60, deadline=None)
def test_an_overflow_names_the_first_row_in_spine_order(
    facts: list[Fact], asked: list[tuple[int, int]]
) -> None:
    program = compile_program([OutputSpec(AggregateOp.SUM, 1, None)], kinds=KINDS)
    overflow = ask(program, pack(facts), asked).overflow
    for row, (key, time) in enumerate(asked):
        if overflow == (row, 0):
            with pytest.raises(OverflowError):
                answer_of(program.outputs[0], facts, key, time)
            return
        answer_of(program.outputs[0], facts, key, time)
    assert overflow is None
