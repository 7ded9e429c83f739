"""A server under a supervisor: one worker process or several, a new one for each that stands still
or dies, and health on a port of its own where somebody asks for it.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from mainspring.engines.local.health import serving_health
from mainspring.engines.local.worker_group import WorkerGroup

__all__ = ["supervise_server"]

# Not from the present folder, which is a project's: only what is installed is imported.
_PROGRAM = (sys.executable, "-P", "-c", "from mainspring.app.cli import main; main()")


def supervise_server(
    words: Sequence[str],
    *,
    port: int,
    health_port: int | None,
    announce: Callable[[str], None],
    workers: int = 1,
) -> int:
    """Run `mainspring` with these words and a port until it is asked to stop; its exit code.

    Args:
        health_port: where to answer for health; None for nowhere.
        workers: how many processes answer.

    Raises: PortTaken SRV-030, for the port of health too.
    """
    group = WorkerGroup(
        lambda bound: [*_PROGRAM, *words, "--port", str(bound)], count=workers, port=port
    )

    def report() -> tuple[bool, dict[str, object]]:
        health = group.health
        return health.ready, {
            "live": True,
            "ready": health.ready,
            "port": health.port,
            "restarts": health.restarts,
            "replaced": health.replaced,
            "workers": health.workers,
        }

    with ExitStack() as answering:
        if health_port is not None:
            bound = answering.enter_context(serving_health(health_port, report))
            announce(f"Health on http://127.0.0.1:{bound}/readyz, answered by the supervisor.")
        else:
            announce("Under a supervisor, which replaces a server that stands still.")
        if workers > 1:
            announce(f"{workers} workers share the port; SIGHUP has new ones take over.")
        return group.run()
