"""The pages behind the codes."""

import json

import pytest
from click.testing import CliRunner

from mainspring.app.cli import command_line
from mainspring.app.cli.commands.explain import known_errors, page_lines, page_of
from mainspring.app.cli.paint import Paint
from mainspring.elements.errors import MainspringError


@pytest.mark.parametrize(
    "error", known_errors(), ids=lambda error: f"{error.code}-{error.__name__}"
)
def test_every_error_has_a_page_that_can_be_printed(error: type[MainspringError]) -> None:
    page = page_of(error)
    assert page.branch.endswith("Error")
    assert page.meaning
    assert "{" not in "\n".join(page_lines(page, Paint(colour=False)))


def test_a_code_is_found_in_small_letters() -> None:
    assert (
        CliRunner()
        .invoke(command_line, ["explain", "srv-002"])
        .output.startswith("SRV-002 ModelRefused")
    )


def test_an_unknown_code_names_the_codes_near_it() -> None:
    answer = CliRunner().invoke(command_line, ["explain", "SRV-010"])
    assert answer.exit_code == 2
    assert "similar ones are SRV-" in answer.output


def test_without_a_code_all_are_listed_as_one_document() -> None:
    listed = json.loads(CliRunner().invoke(command_line, ["explain", "--json"]).output)
    assert len(listed) == len(known_errors())
