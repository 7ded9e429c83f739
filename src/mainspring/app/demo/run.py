"""Runs the demo from the first step to the last."""

import shutil
import sys
import tempfile
from pathlib import Path

from mainspring.app.cli.output import colours_of
from mainspring.app.demo.acts.ask import ask
from mainspring.app.demo.acts.change import change_window
from mainspring.app.demo.acts.crash import crash_and_resume
from mainspring.app.demo.acts.leak import catch_leak, start_leaky
from mainspring.app.demo.acts.month import simulate_month, start_simulation
from mainspring.app.demo.acts.prepare import prepare
from mainspring.app.demo.acts.promote import promote_ungated
from mainspring.app.demo.acts.recompute import recompute
from mainspring.app.demo.acts.rollback import roll_back
from mainspring.app.demo.scene import Scale, Scene
from mainspring.app.demo.server import ServerProcess
from mainspring.app.demo.stage import DemoOutput

__all__ = ["run_demo"]

_KEPT = "mainspring-demo"
_DONE = 0


def run_demo(*, keep: bool = False, folder: Path | None = None, scale: Scale | None = None) -> int:
    """Run all steps; 0 when each has shown what it claims.

    Args:
        keep: leave the projects and a running server in place; else everything is removed at the
            end.
        folder: where to run, absent or empty; default: a temporary folder, or with `keep` a new
            one in the working directory.

    Raises: ClaimNotShown FLO-901 for a claim that does not hold; the folder then
        stays.
    Cost: about four minutes on two cores, 1.5 GB of disk, 2 GB of memory.
    """
    place = folder or (
        _fresh(Path.cwd() / _KEPT) if keep else Path(tempfile.mkdtemp(prefix=f"{_KEPT}-"))
    )
    stage = DemoOutput(
        _write,
        colours_of(sys.stdout),
        folder=place,
        width=shutil.get_terminal_size((160, 40)).columns,
    )
    _write(f"Mainspring on real data.  Everything below runs now, in {place}.")
    scene = Scene.set_up(place, stage, scale or Scale())
    is_whole = False
    try:
        server = _play(scene)
        stage.close()
        _end(scene, server, keep=keep)
        is_whole = True
    finally:
        # A failed run is left in place, to find out what went wrong.
        scene.close(remove=is_whole and not keep)
    return _DONE


def _play(scene: Scene) -> ServerProcess:
    """All steps in order; returns the server that still runs at the end."""
    prepare(scene)
    # The leaky variant is built meanwhile: it shares nothing with the honest project, and a machine
    # has more than one core.
    leaky = start_leaky(scene)
    first = crash_and_resume(scene)
    catch_leak(scene, leaky, first)
    server = ask(scene)
    change_window(scene, server)
    roll_back(scene, server, first)
    # It changes nothing that the next steps use, so it can run beside them.
    month = start_simulation(scene)
    promote_ungated(scene, first)
    recompute(scene, server, first)
    simulate_month(scene, month)
    return server


def _end(scene: Scene, server: ServerProcess, *, keep: bool) -> None:
    """Print what to do next."""
    _write("")
    if keep:
        scene.honest.leave(server.process)
        _write(
            f"  The server runs on http://127.0.0.1:{server.port} until you stop it: "
            f"kill {server.process.pid}"
        )
        _write(
            f"  To continue: cd {scene.honest.folder}, then mainspring status, audit, "
            f"lineage late-arrival, or edit flights.py and plan."
        )
    else:
        _write("  Everything was removed.  To look around in it: mainspring demo --keep")
        _write("  To start with your own data: mainspring init my-project")


def _fresh(path: Path) -> Path:
    """The path, or the first free one with a number."""
    candidates = (path, *(path.with_name(f"{path.name}-{number}") for number in range(2, 1_000)))
    return next(candidate for candidate in candidates if not candidate.exists())


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
