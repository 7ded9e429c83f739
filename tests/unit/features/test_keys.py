"""Equal keys have equal codes, different keys different ones, and what is null or unknown has
none.
"""

from datetime import date

import polars as pl
import pytest

from mainspring.features.history.keys import codes_by_category, codes_by_hash, key_codes
from mainspring.features.spec import Entity

DAYS = [date(2026, 1, 1), None, date(2026, 1, 2), date(2026, 1, 1)]
COLUMNS = {
    "close integers": ([5, None, 7, 5], [7, 6, None, -(2**62)]),
    "the least integers": (
        [-(2**63), None, -(2**63) + 1, -(2**63)],
        [-(2**63) + 1, 7, None, 2**63 - 1],
    ),
    "distant integers": ([-(2**62), None, 2**62, -(2**62)], [2**62, 0, None, 5]),
    "texts": (["a", None, "", "a"], ["", "b", None, "c"]),
    "floats": ([0.0, None, float("nan"), -0.0], [float("nan"), 1.5, None, 2.5]),
    "booleans": ([True, None, False, True], [False, None, None, None]),
    "dates": (DAYS, [date(2026, 1, 2), date(2027, 1, 1), None, None]),
}


@pytest.mark.parametrize(("facts", "spine"), COLUMNS.values(), ids=COLUMNS.keys())
def test_a_key_of_any_type_is_told_from_others(facts: list, spine: list) -> None:
    codes = key_codes(Entity("key"), pl.DataFrame({"key": facts}), pl.DataFrame({"key": spine}))
    first, null, other, again = codes.facts.tolist()
    assert (null, again) == (-1, first)
    assert {first, other} <= set(range(codes.keys))
    assert first != other
    assert codes.spine[0] == other
    assert not {first, other} & set(codes.spine[1:].tolist())


def test_a_key_of_two_columns_is_null_where_one_is() -> None:
    facts = pl.DataFrame({"a": ["x", "x", "y", None], "b": [1, 2, 1, 1]})
    spine = pl.DataFrame(
        {"a": ["y", "x", "y", "x"], "b": [1, 2, 2, None]}, schema_overrides={"b": pl.Int32}
    )
    codes = key_codes(Entity("pair", join_keys=["a", "b"]), facts, spine)
    assert len(set(codes.facts[:3].tolist())) == 3
    assert codes.facts[3] == -1
    assert codes.spine.tolist()[:2] == [codes.facts[2], codes.facts[1]]
    assert codes.spine[3] == -1
    assert codes.spine[2] not in codes.facts[:3]


def test_an_entity_without_join_keys_has_one_key() -> None:
    codes = key_codes(
        Entity("all", join_keys=[]), pl.DataFrame({"x": [1, 2]}), pl.DataFrame({"q": [1]})
    )
    assert (codes.facts.tolist(), codes.spine.tolist(), codes.keys) == ([0, 0], [0], 1)


def test_facts_without_any_key_leave_every_question_without_one() -> None:
    facts = pl.DataFrame({"key": [None, None]}, schema={"key": pl.Null})
    codes = key_codes(Entity("key"), facts, pl.DataFrame({"key": ["a"]}))
    assert (codes.facts.tolist(), codes.spine.tolist()) == ([-1, -1], [-1])


def test_a_collision_of_hashes_is_noticed() -> None:
    def first_letter(texts: pl.Series) -> pl.Series:
        return pl.Series([ord(text[0]) for text in texts], dtype=pl.Int64)

    assert (
        codes_by_hash(pl.Series(["ab", "cd"]), pl.Series(["cd"]), hashes=first_letter) is not None
    )
    assert codes_by_hash(pl.Series(["ab", "ac"]), pl.Series(["ab"]), hashes=first_letter) is None
    assert codes_by_hash(pl.Series(["ab", "cd"]), pl.Series(["ax"]), hashes=first_letter) is None


def test_categories_tell_texts_apart_as_hashes_do() -> None:
    facts, spine = pl.Series(["b", None, "a", "b"]), pl.Series(["a", "z", None])
    codes = codes_by_category(facts, spine)
    assert (codes.facts.tolist(), codes.spine.tolist()) == ([0, -1, 1, 0], [1, -1, -1])
