"""The command that looks at every store and says what is wrong."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.paint import Paint, counted

if TYPE_CHECKING:
    from mainspring.maintenance.doctor import DoctorReport

__all__ = ["doctor", "doctor_lines"]


@click.command(cls=WorkspaceVerb)
@click.option(
    "--accept",
    is_flag=True,
    help="Take what the log holds for the whole; remove what is ahead of it, and fold it again.",
)
@click.pass_obj
def doctor(at: Invocation, *, accept: bool) -> int:
    """Look at every store, and say what is wrong and what to do.

    Whether the log is the one that the state knows and as long as the journal has seen it, whether
    tables or online state are ahead of it, whether objects are missing or damaged.  Exit code 1
    when something was found.  Without --accept nothing is changed; with it, what the log has lost
    stays lost.
    """
    workspace = at.open()
    if accept:
        removed = workspace.doctor.accept()
        at.note(f"Accepted; removed: {', '.join(removed) or 'nothing'}.")
    report = workspace.doctor.examine()
    at.answer(report, lambda paint: doctor_lines(report, paint))
    return 0 if report.is_well else EXIT_REFUSED


def doctor_lines(report: "DoctorReport", paint: Paint) -> Iterator[str]:
    """Each finding with its remedy, under what was looked at."""
    for check in report.checks:
        found = [finding for finding in report.findings if finding.check == check]
        yield f"{paint.mark(not found)} {check}"
        for finding in found:
            yield f"  {finding.code} {finding.message}"
            yield paint.quiet(f"    {finding.remedy}")
    if not report.is_well:
        yield paint.warn(f"{counted(len(report.findings), 'finding')} in {report.environment}")
