"""Rows as people and programs write them."""

from pathlib import Path

import pytest

from mainspring.app.cli.rows import parse_rows, read_rows
from mainspring.ports.errors import BadRequest

ROWS = [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "text", ['[{"a":1},{"a":2}]', '{"rows": [{"a":1},{"a":2}]}', '{"a":1}\n{"a":2}\n']
)
def test_every_form_gives_the_same_rows(text: str) -> None:
    assert parse_rows(text) == ROWS


def test_rows_of_the_command_line_come_before_a_file() -> None:
    assert read_rows("nowhere.json", ['{"a":1}', '{"a":2}']) == ROWS


def test_a_file_is_read_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[{"a":1},{"a":2}]')
    assert read_rows(str(tmp_path / "rows.json"), []) == ROWS


@pytest.mark.parametrize("text", ["[1, 2]", "{", '"text"'])
def test_what_is_no_row_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(BadRequest, match="SRV-004"):
        parse_rows(text)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"rows\.json: No such file"):
        read_rows(str(tmp_path / "rows.json"), [])


def test_rows_in_the_place_of_a_file_are_sent_to_their_option() -> None:
    with pytest.raises(BadRequest, match="rows themselves are given by --row"):
        read_rows('{"a": 1}', [])
