"""The server process and what runs around it."""

import gc
import subprocess
import sys
import threading

from mainspring.engines.http.server import UvicornServer
from mainspring.ports.http import HttpService

SERVER = """
import gc
from mainspring.engines.http.server import UvicornServer
from mainspring.ports.http import HttpService
service = HttpService(routes=[], authorise=None, refuse=None)
try:
    UvicornServer().serve(service, port=0, on_bound=lambda port: print(
        "bound", gc.get_freeze_count() > 0, gc.get_threshold()[0], flush=True))
finally:
    print("left", flush=True)
"""


def test_what_runs_around_a_server_ends_well_when_it_is_asked_to_stop():
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout.readline() == "bound True 700\n"
        server.terminate()
        assert (server.stdout.read(), server.wait(timeout=20)) == ("left\n", 0)


def test_a_process_with_a_server_beside_its_own_work_collects_as_before():
    """A server that a test began in a thread went through all that the process holds."""
    frozen, stop = list[int](), threading.Event()

    def bound(_):
        frozen.append(gc.get_freeze_count())
        stop.set()

    service = HttpService(routes=[], authorise=None, refuse=None)
    before = gc.get_freeze_count()
    server = threading.Thread(
        target=lambda: UvicornServer().serve(service, port=0, on_bound=bound, stop=stop)
    )
    server.start()
    server.join(timeout=20)
    assert frozen == [before]
