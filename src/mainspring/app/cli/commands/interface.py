"""The command that writes what a server answers, for programs that call it."""

from pathlib import Path

import click
import msgspec

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
@click.option(
    "--typescript",
    "client",
    type=GivenPath(dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write a client in TypeScript to this file, such as mainspring.ts.",
)
@trust_option
@click.pass_obj
def openapi(at: Invocation, *, out: Path | None, client: Path | None, trust: Path | None) -> None:
    """Write the OpenAPI document of an environment's server.

    It is OpenAPI 3.1, and has every route, and for each endpoint the fields of its rows with their
    types.  A server answers the same document at /openapi.json.  --typescript writes a client for
    it: one file that needs nothing but `fetch`.
    """
    from mainspring.app.serve import openapi_of
    from mainspring.interface.typescript import typescript_client

    document = openapi_of(at.open(trust=trust))
    if out is None and client is None:
        click.echo(document.decode())
        return
    written = {}
    if out is not None:
        write_file(out, document)
        written["document"] = str(out)
    if client is not None:
        write_file(client, typescript_client(msgspec.json.decode(document)).encode())
        written["client"] = str(client)
    at.answer(
        written,
        lambda paint: [f"{paint.mark(True)} the {what} is in {to}" for what, to in written.items()],
    )
