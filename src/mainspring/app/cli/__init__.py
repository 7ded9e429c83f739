"""The command line: a command parses, calls one function of the workspace, and renders one record.

`main` is the console script.  The workspace does the work; this package decides what is printed,
where progress goes, and what the exit codes mean.  Nothing heavy is imported before a command runs,
so help appears at once.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from mainspring.app.cli.faults import run_to_exit_code
from mainspring.app.cli.interrupts import hear_interrupts
from mainspring.elements.collector import collect_rarely

__all__ = ["command_line", "main"]

_SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Get started": {
        "init": ("begin", "Create a small project that runs, to start your own from."),
        "demo": ("begin", "Show everything on real flight data, in about three minutes."),
    },
    "Plan and deploy": {
        "plan": ("lifecycle", "Show what apply would change, run and cost."),
        "apply": ("lifecycle", "Build what is declared, judge it by its gates, and deploy it."),
        "run": ("lifecycle", "Retrain a model on the present data."),
        "runs": ("runs", "Show runs step by step, follow one, or cancel it."),
        "models": ("models", "Show model versions: metrics, parameters, what a fit printed."),
        "status": ("lifecycle", "Show endpoints, sources and open incidents."),
        "approve": (
            "lifecycle",
            "Approve a model version for an environment (not your own).",
        ),
        "promote": ("lifecycle", "Promote what one environment holds to another one."),
        "rollout": ("rollouts", "Show, pause, resume, promote and abort roll-outs."),
        "rollback": ("lifecycle", "Restore the environment's previous version."),
    },
    "Data": {
        "ingest": ("data", "Write rows to a source, checked by its contract."),
        "quarantine": ("quarantine", "Show, release and drop rows that were not accepted."),
        "stream": ("stream", "Materialize the log into online state until stopped."),
        "backfill": ("data", "Compute features for many prediction times at once."),
        "features": (
            "features",
            "Show feature views, how fresh and large they are, and feature sets.",
        ),
    },
    "Serve and monitor": {
        "serve": ("answers", "Serve predictions over HTTP until stopped."),
        "serve-model": ("begin", "Serve files of models, without a project."),
        "openapi": ("interface", "Write the OpenAPI document of an environment's server."),
        "top": ("top", "Show what a server does now: requests, times, models, traffic."),
        "export": ("export", "Write files for other products."),
        "predict": ("answers", "Predict with an endpoint, without a server."),
        "batch-predict": ("batch", "Predict every row of a file or table."),
        "replay": ("answers", "Recompute predictions and compare them byte by byte."),
        "lineage": ("answers", "Show what an asset is made from, down to the raw files."),
        "watch": ("answers", "Evaluate a monitor on its current window."),
        "simulate": ("answers", "Simulate months of production on a virtual clock."),
    },
    "Maintenance": {
        "gc": ("maintenance", "Remove records, state and objects that are not needed any more."),
        "backup": ("maintenance", "Copy state, log and objects into one consistent backup."),
        "restore": ("maintenance", "Restore a backup into a project that has no state."),
        "kernels": ("begin", "Compile what computes features, ahead of its first use."),
        "doctor": ("doctor", "Look at every store, and say what is wrong and what to do."),
    },
    "Checks and access": {
        "test": ("features", "Check that served features equal recomputed ones."),
        "gates": ("gates", "Judge again, and sign anew, what an environment serves."),
        "explain": ("explain", "Explain an error code and what to do about it."),
        "audit": ("access", "Show who did what, and verify that the journal is unchanged."),
        "auth": ("access", "Create, list, revoke and rotate tokens."),
    },
}
"""By section: the commands, the module of each, and its summary, so that help needs none of the
modules.
"""

_MODULES = {name: module for members in _SECTIONS.values() for name, (module, _) in members.items()}


class _Sections(click.Group):
    """A group that imports a command when it is called, and lists all commands by section."""

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

    def invoke(self, ctx: click.Context) -> object:
        """Call the command; Ctrl-C is told by `run_to_exit_code`, in one line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            # Click would print an empty line for it.
            raise click.Abort from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """One block for each section, with all summaries aligned."""
        width = max(map(len, _MODULES))
        for title, members in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:<{width}}", summary) for name, (_, summary) in members.items()]
                )


def _show_version(ctx: click.Context, _: click.Parameter, is_given: bool) -> None:
    if is_given:
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
    """Declare a machine-learning system once; plan it, build it, test it, serve it, monitor it.

    New here?  `mainspring demo` shows everything on real data; `mainspring init` creates a project
    of your own.
    """


def main() -> None:
    """The console script; what its exit codes mean is in `docs/exit-codes.md`."""
    collect_rarely()
    hear_interrupts()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a terminal without ✓ gets ? rather than a traceback
    sys.exit(run_to_exit_code(_invoke, sys.argv[1:]))


def _invoke(arguments: Sequence[str]) -> object:
    return command_line.main(list(arguments), prog_name="mainspring", standalone_mode=False)
