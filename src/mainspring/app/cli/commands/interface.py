"""The command that writes what a server answers, for programs that call it."""

from pathlib import Path

import click

from mainspring.app.cli.options import GivenPath, Invocation, WorkspaceVerb, trust_option
from mainspring.app.cli.written import write_file

__all__ = ["openapi"]


@click.command(cls=WorkspaceVerb)
@click.option(
    "--out",
    type=GivenPath(dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write it to this file.  [standard output]",
)
@trust_option
@click.pass_obj
def openapi(at: Invocation, *, out: Path | None, trust: Path | None) -> None:
    """Write the OpenAPI document of an environment's server.

    It is OpenAPI 3.1, and has every route, and for each endpoint the fields of its rows with their
    types.  A server answers the same document at /openapi.json.
    """
    from mainspring.app.serve import openapi_of

    document = openapi_of(at.open(trust=trust))
    if out is None:
        click.echo(document.decode())
        return
    write_file(out, document)
    at.answer({"out": out}, lambda paint: [f"{paint.mark(True)} the document is in {out}"])
