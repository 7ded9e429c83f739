"""What the command line prints, word by word: help of every command, and errors as people meet
them.

A changed text is a decision: write the files again with `MAINSPRING_WRITE_GOLDEN=1 pytest
tests/golden`, and say in the commit why.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mainspring.app.cli import command_line
from mainspring.app.cli.faults import render_error
from mainspring.app.cli.paint import Paint
from mainspring.elements.errors import Location, MainspringError
from mainspring.elements.expression.errors import UnknownColumn
from mainspring.gates.verdict import Verdict
from mainspring.project.errors import GatesFailed, ProjectErrors
from mainspring.project.loader.errors import DuplicateName
from mainspring.serving.errors import ModelRefused

GOLDEN = Path(__file__).parent / "cli"

FAULTS = (
    UnknownColumn(
        column="dep_delai",
        near=("dep_delay",),
        known="carrier, dep_delay, origin",
        at=Location("flights.py", 31),
    ),
    DuplicateName(name="source 'weather'", other="flights.py:17", at=Location("flights.py", 18)),
)
VERDICTS = (
    Verdict(gate="no_leakage", passed=True, summary="no hindsight", subject="sha256:0", at=0),
    Verdict(
        gate="min_metric:roc_auc",
        passed=False,
        summary="roc_auc 0.7312 (at least 0.758)",
        subject="sha256:0",
        at=0,
    ),
)
ERRORS: dict[str, MainspringError] = {
    "mistakes": ProjectErrors(faults=FAULTS),
    "gates": GatesFailed(
        version="late_arrival v3",
        environment="dev",
        failed="min_metric:roc_auc (roc_auc 0.7312 (at least 0.758))",
        verdicts=VERDICTS,
    ),
    "refused": ModelRefused(
        version="late_arrival v3",
        environment="prod",
        reasons="; ".join(f"gate/{gate} missing" for gate in ("parity", "latency") * 3),
    ),
}


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


HELP = dict(commands(command_line, "mainspring"))


def assert_golden(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("MAINSPRING_WRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", HELP)
def test_the_help_of_a_command_is_as_agreed(path: str) -> None:
    context = click.Context(HELP[path], info_name=path, terminal_width=80)
    assert_golden(f"help-{path.replace(' ', '-')}", HELP[path].get_help(context) + "\n")


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_told_as_agreed(name: str) -> None:
    assert_golden(
        f"error-{name}", "\n".join(render_error(ERRORS[name], Paint(colour=False))) + "\n"
    )


@pytest.mark.parametrize(
    "path", [path for path, command in HELP.items() if not isinstance(command, click.Group)]
)
def test_every_command_can_answer_with_json(path: str) -> None:
    assert "as_json" in {parameter.name for parameter in HELP[path].params}


@pytest.mark.parametrize(
    "path", [path for path, command in HELP.items() if not isinstance(command, click.Group)]
)
def test_no_two_parameters_of_a_command_share_a_name(path: str) -> None:
    names = [parameter.name for parameter in HELP[path].params]
    assert sorted(names) == sorted(set(names))


def test_the_summary_of_a_command_is_the_first_line_of_its_help() -> None:
    listed = command_line.get_help(
        click.Context(command_line, info_name="mainspring", terminal_width=120)
    )
    missing = [
        path
        for path, command in HELP.items()
        if path.count(" ") == 1 and command.get_short_help_str(200) not in listed
    ]
    assert missing == []
