"""The command that compiles what computes features, and the remark that it is being compiled."""

import sys

import click

from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import Invocation, Verb
from mainspring.app.cli.output import live_line
from mainspring.app.cli.paint import bar
from mainspring.features.compile_kernels import begin_in_background, compile_kernels

__all__ = ["compile_in_background", "kernels"]


@click.command(cls=Verb)
@click.option(
    "--processes",
    default=0,
    type=click.IntRange(min=0),
    metavar="N",
    help="At most so many at once.  [one for each processor]",
)
@click.pass_obj
def kernels(at: Invocation, processes: int) -> int:
    """Compile what computes features, ahead of its first use.

    Once for each installation and user: the machine code is stored in ~/.cache/mainspring, sealed
    with a key of the user.  init, plan and apply begin it in the background where it was not done;
    what they need meanwhile waits for it.
    """
    line = live_line(sys.stderr)
    report = compile_kernels(
        lambda done, total: line.show(f"  {bar(done, total)}  {done} of {total} kernels"),
        processes=processes,
    )
    line.clear()
    at.answer(
        report,
        lambda paint: [f"{paint.mark(not report.failed)} {report.line()}", *report.failures()],
    )
    return EXIT_REFUSED if report.failed else 0


def compile_in_background(at: Invocation) -> None:
    """Begin where it was not done, and say so."""
    if begin_in_background():
        at.note(
            "Compiling the kernels in the background, once for this installation; "
            "to see how far it is: mainspring kernels"
        )
