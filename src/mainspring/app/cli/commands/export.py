"""The commands that write what other products read."""

from pathlib import Path

import click

from mainspring.app.cli.options import GivenPath, Invocation, WorkspaceGroup, WorkspaceVerb
from mainspring.app.cli.output import render_json
from mainspring.app.cli.written import write_file

__all__ = ["export"]


@click.group(cls=WorkspaceGroup)
def export() -> None:
    """Write files for other products."""


@export.command(cls=WorkspaceVerb)
@click.option(
    "--out",
    required=True,
    type=GivenPath(dir_okay=False),
    metavar="FILE",
    help="The file, such as serving.json.",
)
@click.pass_obj
def grafana(at: Invocation, *, out: Path) -> None:
    """Write a dashboard of a server's metrics for Grafana.

    Grafana asks for the Prometheus that scrapes the server when the file is imported.
    """
    from mainspring.interface.dashboard import grafana_dashboard

    write_file(out, render_json(grafana_dashboard()).encode())
    at.answer({"out": str(out)}, lambda paint: [f"{paint.mark(True)} the dashboard is in {out}"])
