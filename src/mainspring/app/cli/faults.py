"""What a command prints when it fails, and its exit code.

    0  done
    1  refused: a gate or a check failed, or the present state does not allow it
    2  misuse: the command line, the project or the data is wrong, or the caller has no permission
    3  a bug in Mainspring, or a failure of a product behind a port
    130  stopped by Ctrl-C

A traceback is for the developers of Mainspring: it is written to a file that only the user can
read, and the terminal names the file.
"""

import errno
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
from mainspring.ports.errors import FileRefused

if TYPE_CHECKING:
    from mainspring.app.cli.paint import Paint

__all__ = [
    "EXIT_INTERNAL",
    "EXIT_MISUSE",
    "EXIT_OK",
    "EXIT_REFUSED",
    "EXIT_STOPPED",
    "ErrorRecord",
    "error_record",
    "exit_code_of",
    "render_error",
    "run_to_exit_code",
]

EXIT_OK, EXIT_REFUSED, EXIT_MISUSE, EXIT_INTERNAL, EXIT_STOPPED = 0, 1, 2, 3, 130
_WIDTH = 110
_REFUSED_BY_SYSTEM = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EEXIST,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""What the operating system says about files, permissions and disks: none of it is a bug."""

_CODES: dict[str, int] = {
    "SRV-002": EXIT_REFUSED,
    "SRV-003": EXIT_REFUSED,
    "FEA-002": EXIT_REFUSED,
    "FLO-004": EXIT_MISUSE,
    "REG-001": EXIT_MISUSE,
    "ENG-003": EXIT_REFUSED,
    "ENG-013": EXIT_MISUSE,
    "ENG-014": EXIT_MISUSE,
    "ENG-031": EXIT_MISUSE,
    "ENG-033": EXIT_MISUSE,
    "ENG-202": EXIT_MISUSE,
    "ENG-205": EXIT_REFUSED,
}
_BRANCHES: tuple[tuple[type[MainspringError], int], ...] = (
    (DeclarationError, EXIT_MISUSE),
    (AccessError, EXIT_MISUSE),
    (SourceError, EXIT_MISUSE),
    (ServingError, EXIT_MISUSE),
    (FeatureError, EXIT_MISUSE),
    (EngineError, EXIT_INTERNAL),
)


class ErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An error as `--json` prints it.

    Args:
        at: the place in the user's files as `path:line`, empty if there is none.
        faults: the single mistakes, if the error lists several.
    """

    code: str
    message: str
    at: str
    remedy: str
    faults: tuple["ErrorRecord", ...] = ()


def exit_code_of(error: MainspringError) -> int:
    """The exit code for an error of Mainspring."""
    if error.code in _CODES:
        return _CODES[error.code]
    return next((code for branch, code in _BRANCHES if isinstance(error, branch)), EXIT_REFUSED)


def error_record(error: MainspringError) -> ErrorRecord:
    """The error and all mistakes that it lists."""
    return ErrorRecord(
        code=error.code,
        message=error.message,
        at=_place(error.at),
        remedy=error.remedy.format(**error.details()),
        faults=tuple(error_record(fault) for fault in _listed_faults(error)),
    )


def render_error(error: MainspringError, paint: "Paint") -> list[str]:
    """`CODE message`, the place and what to do next; before it the verdicts of failed gates, after
    it every mistake that the error lists.
    """
    lines = [*_verdict_lines(error, paint), *_record_lines(error_record(error), paint)]
    for fault in _listed_faults(error):
        lines += ["", *render_error(fault, paint)]
    return lines


def run_to_exit_code(command: Callable[[Sequence[str]], object], arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; every error is printed."""
    as_json = "--json" in arguments
    try:
        code = command(arguments)
    except MainspringError as error:
        return _report_refusal(error, as_json=as_json)
    except click.ClickException as error:
        return _report_misuse(error, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        after_the_keys = "\n" if sys.stderr.isatty() else ""
        sys.stderr.write(
            f"{after_the_keys}stopped; finished steps are stored, and the same command continues "
            f"from there\n"
        )
        return EXIT_STOPPED
    except BrokenPipeError:
        # The reader closed the pipe, as `head` does; without this Python would complain once more
        # when it flushes standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as error:
        if error.errno not in _REFUSED_BY_SYSTEM:
            return _report_fault(error, as_json=as_json)
        refused = FileRefused(file=str(error.filename or "a file"), reason=str(error.strerror))
        return _report_refusal(refused, as_json=as_json)
    # The edge of the process: no caller is left who could report what happened.
    except Exception as error:
        return _report_fault(error, as_json=as_json)
    return code if isinstance(code, int) else EXIT_OK


def _report(
    record: ErrorRecord, render: Callable[["Paint"], Sequence[str]], *, code: int, as_json: bool
) -> int:
    from mainspring.app.cli.output import colours_of, render_json

    if as_json:
        sys.stdout.write(render_json({"error": record}) + "\n")
    sys.stderr.write("\n".join(render(colours_of(sys.stderr))) + "\n")
    return code


def _report_refusal(error: MainspringError, *, as_json: bool) -> int:
    return _report(
        error_record(error),
        lambda paint: render_error(error, paint),
        code=exit_code_of(error),
        as_json=as_json,
    )


def _report_misuse(error: click.ClickException, *, as_json: bool) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return EXIT_MISUSE
    context = error.ctx if isinstance(error, click.UsageError) else None
    remedy = f"see: {context.command_path} --help" if context else ""
    record = ErrorRecord(code="usage", message=error.format_message(), at="", remedy=remedy)
    return _report(
        record, lambda paint: _record_lines(record, paint), code=EXIT_MISUSE, as_json=as_json
    )


def _report_fault(error: Exception, *, as_json: bool) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="mainspring-fault-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.writelines(traceback.format_exception(error))
    message = f"a bug in Mainspring: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    record = ErrorRecord(
        code="MSP-000",
        message=message,
        at="",
        remedy=f"the traceback is in {file.name}; please report it",
    )
    return _report(
        record, lambda paint: _record_lines(record, paint), code=EXIT_INTERNAL, as_json=as_json
    )


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


def _listed_faults(error: MainspringError) -> tuple[MainspringError, ...]:
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
    """The place, relative to the working directory if it lies below it."""
    if at is None:
        return ""
    path, here = Path(at.path), Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return str(Location(str(shown), at.line))
