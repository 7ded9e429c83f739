"""The command line: a command parses, calls one function of the workspace, and renders one record.

`main` is the console script.  What a command asks for is decided elsewhere; what it prints, where
progress goes and which exit code says what is decided here.  Nothing heavy is imported before a
command runs, so asking for help stays instant.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from mainspring.app.cli.faults import answer_for

__all__ = ["command_line", "main"]

_SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Begin": {
        "init": ("begin", "Write a small project that runs, to be changed into your own."),
        "demo": ("begin", "See everything at work on real flights, in about three minutes."),
    },
    "Change": {
        "plan": ("lifecycle", "Show what apply would change, run and cost."),
        "apply": ("lifecycle", "Build what is declared, prove it, and put it in place."),
        "run": ("lifecycle", "Make a model again from today's data."),
        "status": ("lifecycle", "Show what serves, what came in, and what is wrong."),
        "approve": (
            "lifecycle",
            "Approve a model version for an environment (not your own).",
        ),
        "promote": ("lifecycle", "Move what one environment holds to another one."),
        "rollback": ("lifecycle", "Restore the environment's previous version."),
    },
    "Data": {
        "ingest": ("data", "Take rows into a source's log, through its contract."),
        "stream": ("stream", "Fold the log into online state until stopped."),
        "backfill": ("data", "Compute features for many past moments at once."),
        "features": (
            "features",
            (
                "Show feature views: how fresh their online state is, how large, and how "
                "far behind the log."
            ),
        ),
    },
    "Ask": {
        "serve": ("answers", "Answer predictions over HTTP until stopped."),
        "serve-model": ("begin", "Serve one ONNX file, without a project."),
        "predict": ("answers", "Ask an endpoint, without a server."),
        "replay": ("answers", "Recompute predictions, and compare them byte by byte."),
        "lineage": ("answers", "Show what an asset is made from, down to the raw files."),
        "watch": ("answers", "Evaluate a monitor on its current window."),
        "simulate": ("answers", "Live through months of data in minutes, as if they happened now."),
    },
    "Keep": {
        "gc": ("maintenance", "Remove what nothing needs any more."),
        "backup": ("maintenance", "Copy state, log and objects as one consistent whole."),
        "restore": ("maintenance", "Bring a backup back, into a project that has no state."),
    },
    "Trust": {
        "test": ("features", "Check that an environment keeps what it promises."),
        "gates": ("gates", "Judge again what an environment serves."),
        "explain": ("explain", "Say what a code means and what to do."),
        "audit": ("access", "Show who did what, and check that nobody rewrote it."),
        "auth": ("access", "Create, list and revoke tokens."),
    },
}
"""By section: the commands, the module of each, and its summary, so that help needs none of the
modules.
"""

_MODULES = {name: module for members in _SECTIONS.values() for name, (module, _) in members.items()}


class _Sections(click.Group):
    """A group that imports a command when it is called, and lists all by what they are for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command, in the order of the help."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, from its module."""
        if cmd_name not in _MODULES:
            return None
        found = getattr(
            import_module(f"mainspring.app.cli.commands.{_MODULES[cmd_name]}"),
            cmd_name.replace("-", "_"),
        )
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """One block for each section, all summaries below each other."""
        width = max(map(len, _MODULES))
        for title, members in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:<{width}}", summary) for name, (_, summary) in members.items()]
                )


def _show_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        click.echo(f"mainspring {version('mainspring')}")
        ctx.exit()


@click.group(cls=_Sections)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def command_line() -> None:
    """Declare a machine-learning system once; plan it, build it, prove it, serve it, watch it.

    New here?  `mainspring demo` shows everything on real data; `mainspring init` begins a project
    of your own.
    """


def main() -> None:
    """The console script.  Exit codes: 0 done, 1 a gate or check said no, 2 misuse, 3 a fault of
    ours.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a terminal without ✓ gets ? rather than a traceback
    sys.exit(answer_for(_invoke, sys.argv[1:]))


def _invoke(arguments: Sequence[str]) -> object:
    return command_line.main(list(arguments), prog_name="mainspring", standalone_mode=False)
