"""Which rows are fitted and which are judged, where rows have no time."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mainspring.datasets.spec import split_at_random, split_by_key
from mainspring.datasets.split import split_rows


def rows(patients: list[str | None]) -> pl.DataFrame:
    """A labelled row for each patient."""
    return pl.DataFrame(
        {
            "_id": [str(place) for place in range(len(patients))],
            "patient": pl.Series(patients, dtype=pl.String),
            "_label": [True] * len(patients),
        }
    )


def test_about_the_share_is_judged_and_each_row_is_on_one_side():
    marks = split_rows(split_at_random(test_share=0.3, seed=1), rows(["a"] * 2000)).to_list()
    assert set(marks) == {"fit", "test"}
    assert 0.25 < marks.count("test") / 2000 < 0.35


def test_another_seed_draws_other_rows():
    table = rows(["a"] * 100)
    first, second = (split_rows(split_at_random(seed=seed), table).to_list() for seed in (1, 2))
    assert first != second


def test_a_row_without_a_label_is_neither_fitted_nor_judged():
    table = rows(["a", "b"]).with_columns(_label=pl.lit(None, dtype=pl.Boolean))
    assert split_rows(split_at_random(), table).to_list() == ["", ""]


@given(st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=30), st.integers(0, 5))
def test_rows_of_one_key_stay_together_and_later_rows_move_none(patients, seed):
    split = split_by_key("patient", test_share=0.5, seed=seed)
    before = split_rows(split, rows(patients)).to_list()
    assert len(set(zip(patients, before, strict=True))) == len(set(patients))
    after = split_rows(split, rows([*patients, "e", "f"])).to_list()
    assert after[: len(patients)] == before


@given(st.integers(0, 5), st.floats(0.05, 0.5), st.floats(0.5, 0.95))
def test_a_larger_share_judges_all_that_a_smaller_one_does(seed, small, large):
    table = rows(["a"] * 50)
    less, more = (
        split_rows(split_at_random(test_share=share, seed=seed), table) for share in (small, large)
    )
    assert not ((less == "test") & (more != "test")).any()
