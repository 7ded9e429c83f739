"""The command line: a command parses, calls one function of the workspace, and renders one record.

`main` is the console script.  What a command asks for is decided elsewhere; what it prints, where progress goes and which exit code says what is
decided here.  Nothing heavy is imported before a command runs, so asking for help stays instant.
"""

import sys
from collections.abc import Sequence

import click

from mainspring.app.cli.answers import lineage, predict, replay, serve, simulate
from mainspring.app.cli.begin import demo, init
from mainspring.app.cli.data import backfill, ingest
from mainspring.app.cli.explain import explain
from mainspring.app.cli.faults import answer_for
from mainspring.app.cli.lifecycle import apply, approve, plan, promote, rollback, run, status
from mainspring.app.cli.people import audit, auth

__all__ = ["command_line", "main"]

_SECTIONS: dict[str, Sequence[click.Command]] = {
    "Begin": (init, demo),
    "Change": (plan, apply, run, status, approve, promote, rollback),
    "Data": (ingest, backfill),
    "Ask": (serve, predict, replay, lineage, simulate),
    "Trust": (explain, audit, auth),
}


class _Sections(click.Group):
    """A group whose help lists its commands by what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One block for each section, all summaries below each other."""
        width = max(len(name) for name in self.list_commands(ctx))
        for title, members in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{command.name!s:<{width}}", command.get_short_help_str(80)) for command in members])


def _show_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        click.echo(f"mainspring {version('mainspring')}")
        ctx.exit()


@click.group(cls=_Sections, commands=[command for members in _SECTIONS.values() for command in members], context_settings={"max_content_width": 110})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version and exit.")
def command_line() -> None:
    """Declare a machine-learning system once; plan it, build it, prove it, serve it, watch it.

    New here?  `mainspring demo` shows everything on real data; `mainspring init` begins a project of your own.
    """


def main() -> None:
    """The console script.  Exit codes: 0 done, 1 a gate or check said no, 2 misuse, 3 a fault of ours."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ✓ gets ? rather than a traceback
    sys.exit(answer_for(_invoke, sys.argv[1:]))


def _invoke(arguments: Sequence[str]) -> object:
    return command_line.main(list(arguments), prog_name="mainspring", standalone_mode=False)
