"""Numbers read from text."""

from mainspring.elements.expression.operations.casting import int_of_text


def test_a_number_written_with_thousands_of_digits_is_read_or_refused_like_any_other() -> None:
    assert int_of_text("-" + "0" * 9_000 + "7") == -7
    assert int_of_text("9" * 9_000) is None
