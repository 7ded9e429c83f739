"""The fast path gives the bits of the sweep, whatever is stable, in flight or irregular, or makes
it decline.
"""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.features.kernel.arrays import NEVER, Facts, KernelResult, Spine
from mainspring.features.kernel.program import (
    AggregateOp,
    ClosedEdges,
    OutputSpec,
    Program,
    ValueKind,
    compile_program,
)
from mainspring.features.kernel.windows.aggregate import aggregate

KINDS = (ValueKind.FLOAT, ValueKind.INTEGER)
BOOLEAN = 1
FAST = [
    op
    for op in AggregateOp
    if op <= AggregateOp.SINCE_LAST and op not in (AggregateOp.VAR, AggregateOp.STD)
]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Outputs that have a fast path, over windows that may close on any side."""
    closed: ClosedEdges = draw(st.sampled_from(["left", "right", "both"]))
    ops = st.sampled_from([op for op in FAST if closed == "left" or op is not AggregateOp.LATEST])
    columns = {AggregateOp.ANY: st.just(BOOLEAN), AggregateOp.ALL: st.just(BOOLEAN)}
    wanted = []
    for op in draw(st.lists(ops, min_size=1, max_size=10)):
        column = draw(columns.get(op, st.integers(0, 1)))
        wanted.append(OutputSpec(op, column, draw(st.none() | st.integers(1, 400))))
    return compile_program(wanted, kinds=KINDS, closed=closed)


def by_sweep(program: Program) -> Program:
    """The same program, as if no output had a fast path."""
    return replace(
        program, passes=tuple(tables._replace(has_fast_path=False) for tables in program.passes)
    )


def history(
    random: np.random.Generator,
    *,
    size: int,
    keys: int,
    lateness: int,
    superseded: float,
    spread: int,
) -> Facts:
    """Facts of which some are null, late by up to `lateness` with a long tail, superseded, and as
    different in size as 10**spread.
    """
    key, happened = np.sort(random.integers(0, keys, size)), random.integers(0, 1000, size)
    happened = happened[np.lexsort((happened, key))]
    late = random.integers(0, lateness + 1, size) * np.where(random.random(size) < 0.05, 20, 1)
    ends = np.where(
        random.random(size) < superseded, happened + late + random.integers(0, 300, size), NEVER
    )
    values = random.normal(size=size) * 10.0 ** random.integers(-spread, spread + 1, size)
    values[random.random(size) < 0.1] = 0.0
    columns = [
        (values, random.random(size) < 0.8),
        (random.integers(-2, 3, size), random.random(size) < 0.8),
    ]
    start = np.searchsorted(key, np.arange(keys + 1))
    return Facts.of(
        key_start=start,
        event_time=happened,
        visible_from=happened + late,
        visible_to=ends,
        columns=columns,
    )


def questions(random: np.random.Generator, *, rows: int, keys: int) -> Spine:
    """Questions about known and unknown keys, some at the same time."""
    return Spine(random.integers(-1, keys + 1, rows), random.integers(-5, 1100, rows))


def told(answer: KernelResult) -> tuple[bytes, bytes, tuple[int, int] | None]:
    """All that an answer says, as bytes."""
    return answer.bits.tobytes(), answer.valid.tobytes(), answer.overflow


@given(
    programs(),
    st.integers(0, 2**32),
    st.sampled_from([0, 1, 30, 900]),
    st.sampled_from([0.0, 0.02, 0.5]),
    st.sampled_from([0, 3, 40]),
)
@settings(max_examples=150, deadline=None)
def test_the_fast_path_equals_the_sweep(
    program: Program, seed: int, lateness: int, superseded: float, spread: int
) -> None:
    random = np.random.default_rng(seed)
    facts = history(
        random,
        size=int(random.integers(0, 400)),
        keys=4,
        lateness=lateness,
        superseded=superseded,
        spread=spread,
    )
    spine = questions(random, rows=60, keys=4)
    assert told(aggregate(program, facts, spine)) == told(
        aggregate(by_sweep(program), facts, spine)
    )


@given(programs(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_facts_visible_as_they_happen_need_no_further_times(program: Program, seed: int) -> None:
    random = np.random.default_rng(seed)
    facts = history(random, size=200, keys=4, lateness=0, superseded=0.0, spread=1)
    spine, prompt = questions(random, rows=60, keys=4), facts._replace(times=facts.times[:1].copy())
    for way in (program, by_sweep(program)):
        assert told(aggregate(way, prompt, spine)) == told(aggregate(way, facts, spine))


@given(programs(), st.integers(0, 2**32), st.sampled_from([2**62, -(2**62), 2**63 - 1, -(2**63)]))
@settings(max_examples=60, deadline=None)
def test_an_integer_overflow_is_told_of_the_same_row_and_output(
    program: Program, seed: int, extreme: int
) -> None:
    random = np.random.default_rng(seed)
    facts = history(random, size=200, keys=4, lateness=10, superseded=0.1, spread=1)
    facts.values[BOOLEAN, random.random(200) < 0.2] = extreme
    spine = questions(random, rows=60, keys=4)
    assert told(aggregate(program, facts, spine)) == told(
        aggregate(by_sweep(program), facts, spine)
    )


@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_shares_of_keys_answer_as_one_key_asked_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    program = compile_program(
        [
            OutputSpec(op, BOOLEAN, 100)
            for op in (
                AggregateOp.COUNT_ROWS,
                AggregateOp.MEAN,
                AggregateOp.MAX,
                AggregateOp.VAR,
                AggregateOp.LAST,
            )
        ],
        kinds=KINDS,
    )
    facts, spine = (
        history(random, size=150_000, keys=300, lateness=30, superseded=0.01, spread=1),
        questions(random, rows=9_000, keys=300),
    )
    everything, key = aggregate(program, facts, spine), int(random.integers(300))
    first, stop = facts.key_start[key : key + 2]
    own = Facts(
        np.array([0, stop - first]),
        *(np.ascontiguousarray(each[:, first:stop]) for each in facts[1:]),
    )
    rows = np.flatnonzero(spine.key_code == key)
    alone = aggregate(program, own, Spine(np.zeros(rows.size, dtype=np.int64), spine.time[rows]))
    assert np.array_equal(everything.bits[:, rows], alone.bits)
    assert np.array_equal(everything.valid[:, rows], alone.valid)
