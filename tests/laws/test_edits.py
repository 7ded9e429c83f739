"""Whatever is edited, mended, pushed and applied in whatever order ends where a fresh workspace
with the same raw log would.
"""

import os
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from tests.laws.edits import Desk, Shape, Step, outcome, replayed

EXAMPLES = int(os.environ.get("EDIT_EXAMPLES", "25"))

ROWS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.integers(1, 4),
        st.sampled_from("ab"),
        st.integers(0, 39),
        st.integers(0, 4),
        st.sampled_from(["1", "1.0", "2.5", "7", "", "x", "-1"]),
    ),
    min_size=1,
    max_size=6,
).map(tuple)
SHAPES = st.builds(
    Shape,
    id=st.integers(0, 2),
    known=st.integers(0, 2),
    contract=st.integers(0, 3),
    lateness=st.integers(0, 1),
    windows=st.integers(0, 2),
    label=st.integers(0, 1),
    renamed=st.booleans(),
)
APPLIES = st.sampled_from(["", "", "", "delete", "leave", "refresh"])
STEPS = st.one_of(
    st.builds(Step, st.just("declare"), SHAPES),
    st.builds(Step, st.just("write"), rows=ROWS),
    st.builds(Step, st.just("apply"), how=APPLIES),
    st.builds(Step, st.just("apply"), how=APPLIES),
    st.builds(Step, st.just("push"), rows=ROWS, how=st.sampled_from(["", "replace", "delete"])),
    st.builds(Step, st.sampled_from(["release", "drop"])),
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=2, max_size=12))
def test_any_sequence_of_edits_ends_where_a_fresh_workspace_would(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder) / "sales.csv")
        for step in [Step("write", rows=((1, 1, "a", 3, 0, "1"),)), Step("apply"), *steps]:
            desk.do(step)
        # The last word: what is declared now, on the rows that are there.
        is_done = desk.do(Step("apply", how="leave"))
        fresh = replayed(desk)
        assert fresh.do(Step("apply", how="leave")) == is_done
        if is_done:
            assert outcome(desk) == outcome(fresh)
