"""A server under a supervisor: a new process for one that stands still, and health on a port of its
own where somebody asks for it.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from mainspring.engines.local.health import serving_health
from mainspring.engines.local.supervisor import Supervisor

__all__ = ["supervise_server"]

# Not from the present folder, which is a project's: only what is installed is imported.
_PROGRAM = (sys.executable, "-P", "-c", "from mainspring.app.cli import main; main()")


def supervise_server(
    words: Sequence[str], *, port: int, health_port: int | None, announce: Callable[[str], None]
) -> int:
    """Run `mainspring` with these words and a port until it is asked to stop; its exit code.

    Args:
        health_port: where to answer for health; None for nowhere.

    Raises: PortTaken SRV-030 for the port of health.
    """
    supervisor = Supervisor(lambda bound: [*_PROGRAM, *words, "--port", str(bound)], port=port)

    def report() -> tuple[bool, dict[str, object]]:
        is_ready = supervisor.is_ready()
        return is_ready, {
            "live": True,
            "ready": is_ready,
            "port": supervisor.health.port,
            "restarts": supervisor.health.restarts,
        }

    with ExitStack() as answering:
        if health_port is not None:
            bound = answering.enter_context(serving_health(health_port, report))
            announce(f"Health on http://127.0.0.1:{bound}/readyz, answered by the supervisor.")
        else:
            announce("Under a supervisor, which replaces a server that stands still.")
        return supervisor.run()
