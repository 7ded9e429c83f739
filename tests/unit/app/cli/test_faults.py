"""What a command answers when it cannot do what it was asked."""

import errno
import json
import re
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from mainspring.app.cli import command_line
from mainspring.app.cli.commands.explain import known_errors
from mainspring.app.cli.faults import (
    EXIT_INTERNAL,
    EXIT_MISUSE,
    EXIT_OK,
    EXIT_REFUSED,
    EXIT_STOPPED,
    exit_code_of,
    run_to_exit_code,
)
from mainspring.elements.errors import MainspringError
from mainspring.project.errors import NothingToRollBack
from mainspring.registry.errors import UnknownAsset
from mainspring.serving.errors import EmptyRequest, ModelRefused
from tools.source_tree import ROOT


def raising(error: BaseException) -> object:
    def command(_: Sequence[str]) -> object:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelRefused(version="v", environment="prod", reasons="none"), EXIT_REFUSED),
        (NothingToRollBack(environment="dev"), EXIT_REFUSED),
        (UnknownAsset(kind="model", name="a", known="b"), EXIT_MISUSE),
        (EmptyRequest(), EXIT_MISUSE),
        (click.UsageError("no such thing"), EXIT_MISUSE),
        (RuntimeError("our mistake"), EXIT_INTERNAL),
        (KeyboardInterrupt(), EXIT_STOPPED),
        (BrokenPipeError(), EXIT_OK),
    ],
)
def test_the_exit_code_says_who_is_to_act(
    error: BaseException, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_to_exit_code(raising(error), []) == code


@pytest.mark.parametrize(
    ("code", "branch"),
    [(EXIT_REFUSED, "GateError"), (EXIT_MISUSE, "DeclarationError"), (EXIT_MISUSE, "AccessError")],
)
def test_a_branch_has_one_exit_code(code: int, branch: str) -> None:
    members = [
        error for error in known_errors() if branch in {parent.__name__ for parent in error.__mro__}
    ]
    assert members
    assert {exit_code_of(error.__new__(error)) for error in members} == {code}


def test_a_fault_of_ours_is_one_line_and_its_traceback_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_to_exit_code(raising(RuntimeError("our mistake")), [])
    told = capsys.readouterr().err
    file = Path(told.split("the traceback is in ")[1].split(";")[0])
    assert "Traceback" not in told
    assert "RuntimeError: our mistake" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()


def test_with_json_an_error_is_one_document_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_to_exit_code(raising(NothingToRollBack(environment="dev")), ["rollback", "--json"])
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "FLO-020"


def test_what_the_operating_system_refuses_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "out.csv")
    assert run_to_exit_code(raising(full), []) == EXIT_MISUSE
    assert capsys.readouterr().err.startswith(
        "ENG-031 out.csv cannot be used: No space left on device"
    )


def test_ctrl_c_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def command(_: Sequence[str]) -> object:
        return group.main([], standalone_mode=False)

    @click.group(cls=type(command_line), invoke_without_command=True)
    def group() -> None:
        raise KeyboardInterrupt

    assert run_to_exit_code(command, []) == EXIT_STOPPED
    assert capsys.readouterr().err.count("\n") == 1


def test_the_documented_exit_codes_are_those_that_there_are() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert documented == {EXIT_OK, EXIT_REFUSED, EXIT_MISUSE, EXIT_INTERNAL, EXIT_STOPPED}


def test_the_answer_of_a_command_is_its_exit_code() -> None:
    assert run_to_exit_code(lambda _: EXIT_REFUSED, []) == EXIT_REFUSED
    assert run_to_exit_code(lambda _: None, []) == EXIT_OK


def test_every_error_has_an_exit_code() -> None:
    codes = {
        exit_code_of(error.__new__(error))
        for error in known_errors()
        if issubclass(error, MainspringError)
    }
    assert codes == {EXIT_REFUSED, EXIT_MISUSE, EXIT_INTERNAL}
