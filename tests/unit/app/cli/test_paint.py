"""Colours, columns and figures of the terminal."""

import io

from mainspring.app.cli.paint import Paint, bar, columns, visible_width, wants_colour


class Terminal(io.StringIO):
    """Text that claims to be shown to a person."""

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_only() -> None:
    assert wants_colour(Terminal(), {})
    assert not wants_colour(io.StringIO(), {})


def test_no_color_and_a_dumb_terminal_turn_colour_off() -> None:
    assert not wants_colour(Terminal(), {"NO_COLOR": "1"})
    assert not wants_colour(Terminal(), {"TERM": "dumb"})


def test_without_colour_a_text_stays_as_it_is() -> None:
    paint = Paint(colour=False)
    assert [paint.title("a"), paint.bad("b"), paint.mark(True), paint.mark(False)] == [
        "a",
        "b",
        "✓",
        "✗",
    ]


def test_colour_takes_no_room() -> None:
    assert visible_width(Paint(colour=True).good("done")) == 4


def test_coloured_cells_line_up_with_plain_ones() -> None:
    painted = columns([[Paint(colour=True).good("a"), "x"], ["bbb", "y"]])
    assert [visible_width(line) for line in painted] == [8, 8]


def test_a_bar_is_never_longer_than_its_width() -> None:
    assert [len(bar(done, 7, width=20)) for done in (0, 3, 7, 9)] == [20, 20, 20, 20]


def test_there_is_no_bar_where_nobody_knows_the_total() -> None:
    assert bar(10, 0) == ""
