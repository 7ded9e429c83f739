"""What a column of texts is taken for, and what made it that."""

import polars as pl
import pytest

from mainspring.elements.schema import DType
from mainspring.elements.values.guess import TextGuess


def guess_of(*texts: str | None) -> TextGuess:
    guess = TextGuess("x")
    guess.look(pl.Series(texts, dtype=pl.String))
    return guess


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [
        (["1", "2"], DType.INT64),
        (["1", None, "", "2.5"], DType.FLOAT64),
        (["00501", "0501"], DType.STRING),
        (["501", "00501"], DType.STRING),
        (["+5"], DType.STRING),
        (["12345678901234567890"], DType.STRING),
        (["0.12345678901234567891"], DType.STRING),
        (["0.1234567890123456"], DType.FLOAT64),
        (["1e-05", "1.5E3"], DType.FLOAT64),
        (["12E5", "13E5"], DType.STRING),
        (["TRUE", "false"], DType.BOOLEAN),
        (["true", "1"], DType.STRING),
        (["2024-05-01T10:00Z", "2024-05-02"], DType.TIMESTAMP),
        (["20240501", "20240502"], DType.INT64),
        (["01/02/2024", "13/02/2024"], DType.STRING),
        (["2024/05/01"], DType.STRING),
        (["nan", "1"], DType.STRING),
        ([None, ""], DType.STRING),
    ],
)
def test_a_column_is_taken_for_what_all_of_its_texts_plainly_are(
    texts: list[str | None], dtype: DType
) -> None:
    assert guess_of(*texts).guess.dtype is dtype


def test_a_guess_names_the_first_value_that_made_it_however_late_it_comes() -> None:
    guess = guess_of(*["1"] * 20_000)
    assert str(guess.guess) == "x: int64, because of '1' in row 1"
    guess.look(pl.Series(["2.5", "3", "N/A", "-"]))
    assert str(guess.guess) == "x: string, because of 'N/A' in row 20,003"


def test_a_column_without_values_says_so() -> None:
    assert str(guess_of(None).guess) == "x: string, because it has no values"
