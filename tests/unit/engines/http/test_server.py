"""The server process and what runs around it."""

import subprocess
import sys

SERVER = """
from mainspring.engines.http.server import UvicornServer
from mainspring.ports.http import HttpService
service = HttpService(routes=[], authorise=None, refuse=None)
try:
    UvicornServer().serve(service, port=0, on_bound=lambda port: print("bound", flush=True))
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
