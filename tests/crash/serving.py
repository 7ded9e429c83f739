"""A server to be killed: `python -m tests.crash.serving FOLDER PORT` prints where it answers."""

import sys
from pathlib import Path

from mainspring.app.serve import open_server
from mainspring.app.workspace import Workspace
from mainspring.engines.http.server import UvicornServer


def main(folder: str, port: str) -> None:
    """Answer until it is killed."""
    workspace = Workspace.open(Path(folder))
    UvicornServer().serve(
        open_server(workspace).service,
        port=int(port),
        on_bound=lambda bound: print(bound, flush=True),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
