"""The server process and what runs around it."""

import subprocess
import sys

SERVER = """
from starlette.applications import Starlette
from mainspring.app.http.server import run_server
try:
    run_server(Starlette(), port=0, on_bound=lambda port: print("bound", flush=True))
finally:
    print("left", flush=True)
"""


def test_what_runs_around_a_server_ends_well_when_it_is_asked_to_stop():
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout.readline() == "bound\n"
        server.terminate()
        assert (server.stdout.read(), server.wait(timeout=20)) == ("left\n", 0)
