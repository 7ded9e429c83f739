"""Text by both evaluators, on every character that Unicode has room for."""

import polars as pl
import pytest

from mainspring.elements.expression import Expr, col
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.operations.text import WHITE_SPACE
from mainspring.elements.expression.row import compile_row
from mainspring.elements.schema import DType, Schema

SCHEMA = Schema.of(s=DType.STRING)
CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
WORDS = [
    "",
    "a",
    "ΑΣ",
    "ΑΣ Β",
    "Straße",
    "İstanbul",
    "e\u0301",
    "🇩🇪",
    "👩‍💻!",
    " \t\u3000x\x1c ",
    "a.b*c",
    "\0",
    "LGA",
]
text = col("s").str
OPERATIONS = {
    "lower": text.to_lowercase(),
    "upper": text.to_uppercase(),
    "length": text.len_chars(),
    "strip": text.strip_chars(),
    "doubled": col("s") + "-" + col("s"),
}


def by_columns(expression: Expr, values: list[str]) -> list[object]:
    return (
        pl.DataFrame({"s": values}, schema={"s": pl.String})
        .select(value=to_polars(expression.node, SCHEMA))["value"]
        .to_list()
    )


def by_row(expression: Expr, values: list[str]) -> list[object]:
    one_row = compile_row({"value": expression.node}, SCHEMA)
    return [one_row({"s": value})["value"] for value in values]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_character_is_treated_alike(operation: str) -> None:
    assert by_columns(OPERATIONS[operation], CHARACTERS) == by_row(
        OPERATIONS[operation], CHARACTERS
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_a_letter_becomes_may_depend_on_its_neighbours(operation: str) -> None:
    assert by_columns(OPERATIONS[operation], WORDS) == by_row(OPERATIONS[operation], WORDS)


@pytest.mark.parametrize("offset", [-(2**63), -9, -3, -1, 0, 1, 2, 9, 2**63 - 1])
@pytest.mark.parametrize("length", [None, 0, 1, 2, 9, 2**63 - 1])
def test_slices_count_characters_from_either_end(offset: int, length: int | None) -> None:
    assert by_columns(text.slice(offset, length), WORDS) == by_row(
        text.slice(offset, length), WORDS
    )


@pytest.mark.parametrize("part", ["", "a", ".", "*", "Σ", "\u0301", "ß", "\0", "🇩"])
def test_parts_are_found_literally(part: str) -> None:
    for test in (
        text.contains(part),
        text.starts_with(part),
        text.ends_with(part),
        text.strip_chars(part),
        text.strip_chars_end(part),
    ):
        assert by_columns(test, WORDS) == by_row(test, WORDS)


def test_white_space_is_what_unicode_calls_so() -> None:
    stripped = pl.Series(CHARACTERS).str.strip_chars()
    assert (
        "".join(character for character, rest in zip(CHARACTERS, stripped, strict=True) if not rest)
        == WHITE_SPACE
    )
