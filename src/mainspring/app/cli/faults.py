"""What a command answers when it cannot do what it was asked: which exit code, and which words.

    0  done
    1  understood and refused: a gate, a check, or the state of things said no
    2  misuse: the command line, the project or the data asked for something that cannot be meant,
       or that the caller may not do
    3  a fault of ours, or of a product behind a port

A traceback is for whoever mends Mainspring: it goes to a file that only the user can read, and the
terminal names the file.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from mainspring.elements.errors import (
    AccessError,
    DeclarationError,
    EngineError,
    FeatureError,
    Location,
    MainspringError,
    ServingError,
    SourceError,
)

if TYPE_CHECKING:
    from mainspring.app.cli.paint import Paint

__all__ = [
    "DONE",
    "MISUSE",
    "OURS",
    "REFUSED",
    "ErrorRecord",
    "answer_for",
    "error_record",
    "exit_code_of",
    "render_error",
]

DONE, REFUSED, MISUSE, OURS = 0, 1, 2, 3
_STOPPED = 130
_WIDTH = 110

_CODES: dict[str, int] = {
    "SRV-002": REFUSED,
    "SRV-003": REFUSED,
    "FEA-002": REFUSED,
    "REG-001": MISUSE,
    "ENG-003": REFUSED,
}
_BRANCHES: tuple[tuple[type[MainspringError], int], ...] = (
    (DeclarationError, MISUSE),
    (AccessError, MISUSE),
    (SourceError, MISUSE),
    (ServingError, MISUSE),
    (FeatureError, MISUSE),
    (EngineError, OURS),
)


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An error as `--json` gives it.

    Args:
        at: the place in the user's files as `path:line`, empty where there is none.
        faults: what is wrong one by one, where an error gathers several.
    """

    code: str
    message: str
    at: str
    remedy: str
    faults: tuple["ErrorRecord", ...] = ()


def exit_code_of(error: MainspringError) -> int:
    """The exit code for an error that was raised on purpose."""
    if error.code in _CODES:
        return _CODES[error.code]
    return next((code for branch, code in _BRANCHES if isinstance(error, branch)), REFUSED)


def error_record(error: MainspringError) -> ErrorRecord:
    """The error and all that it gathers."""
    return ErrorRecord(
        code=error.code,
        message=error.message,
        at=_place(error.at),
        remedy=error.remedy.format(**error.details()),
        faults=tuple(error_record(fault) for fault in _gathered(error)),
    )


def render_error(error: MainspringError, paint: "Paint") -> list[str]:
    """`CODE message`, the place and what to do next; first the verdicts that it rests on, last
    every mistake that it gathers.
    """
    lines = [*_verdict_lines(error, paint), *_record_lines(error_record(error), paint)]
    for fault in _gathered(error):
        lines += ["", *render_error(fault, paint)]
    return lines


def answer_for(command: Callable[[Sequence[str]], object], arguments: Sequence[str]) -> int:
    """Run a command to its exit code; whatever goes wrong is told in words."""
    as_json = "--json" in arguments
    try:
        code = command(arguments)
    except MainspringError as error:
        return _tell_refusal(error, as_json=as_json)
    except click.ClickException as error:
        return _tell_misuse(error, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write(
            "\nstopped; what was finished stays, and the same command goes on from there\n"
        )
        return _STOPPED
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would else complain once more while it
        # closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    # the edge of the process: nothing above could tell the user what happened and where to look
    except Exception as error:
        return _tell_fault(error, as_json=as_json)
    return code if isinstance(code, int) else DONE


def _tell(
    record: ErrorRecord, render: Callable[["Paint"], Sequence[str]], *, code: int, as_json: bool
) -> int:
    from mainspring.app.cli.output import colours_of, render_json

    if as_json:
        sys.stdout.write(render_json({"error": record}) + "\n")
    sys.stderr.write("\n".join(render(colours_of(sys.stderr))) + "\n")
    return code


def _tell_refusal(error: MainspringError, *, as_json: bool) -> int:
    return _tell(
        error_record(error),
        lambda paint: render_error(error, paint),
        code=exit_code_of(error),
        as_json=as_json,
    )


def _tell_misuse(error: click.ClickException, *, as_json: bool) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return MISUSE
    context = error.ctx if isinstance(error, click.UsageError) else None
    remedy = f"see: {context.command_path} --help" if context else ""
    record = ErrorRecord(code="usage", message=error.format_message(), at="", remedy=remedy)
    return _tell(record, lambda paint: _record_lines(record, paint), code=MISUSE, as_json=as_json)


def _tell_fault(error: Exception, *, as_json: bool) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="mainspring-fault-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.writelines(traceback.format_exception(error))
    message = f"a fault of ours: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    record = ErrorRecord(
        code="MSP-000",
        message=message,
        at="",
        remedy=f"the traceback is in {file.name}; please report it",
    )
    return _tell(record, lambda paint: _record_lines(record, paint), code=OURS, as_json=as_json)


def _record_lines(record: ErrorRecord, paint: "Paint") -> list[str]:
    """`CODE message`, the place and what to do next."""
    nothing_changed = "; nothing was changed" if record.faults else ""
    message, *more = _wrapped(f"{record.message}{nothing_changed}")
    lines = [f"{paint.bad(record.code)} {message}", *(f"    {line}" for line in more)]
    lines += [f"  {paint.quiet(f'at {record.at}')}"] if record.at else []
    return lines + [
        f"  → {line}" if place == 0 else f"    {line}"
        for place, line in enumerate(_wrapped(record.remedy))
        if line
    ]


def _gathered(error: MainspringError) -> tuple[DeclarationError, ...]:
    from mainspring.project.errors import ProjectErrors

    return error.faults if isinstance(error, ProjectErrors) else ()


def _verdict_lines(error: MainspringError, paint: "Paint") -> list[str]:
    from mainspring.app.cli.verdicts import verdict_lines
    from mainspring.project.errors import GatesFailed

    return [*verdict_lines(error.verdicts, paint), ""] if isinstance(error, GatesFailed) else []


def _wrapped(text: str) -> list[str]:
    """The lines of a text, long ones broken between words."""
    import textwrap

    return [
        part
        for line in text.split("\n")
        for part in textwrap.wrap(
            line.strip(), _WIDTH, break_long_words=False, break_on_hyphens=False
        )
    ] or [""]


def _place(at: Location | None) -> str:
    """The place, as seen from where the user stands."""
    if at is None:
        return ""
    path, here = Path(at.path), Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{at.line}"
