"""Plays the demo from the first act to the last."""

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
    """Play all acts; 0 when each has shown what it claims.

    Args:
        keep: leave the projects and a running server behind; else everything is taken away at the
            end.
        folder: where to play, absent or empty; default: a temporary folder, or with `keep` a fresh
            one here.

    Raises: FLO-901 for a claim that was not shown; the folder is left behind then.
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
    _write(f"Mainspring, shown on real data.  Everything below happens now, in {place}.")
    scene = Scene.set_up(place, stage, scale or Scale())
    is_whole = False
    try:
        server = _play(scene)
        stage.close()
        _end(scene, server, keep=keep)
        is_whole = True
    finally:
        # What went wrong can only be understood where it happened.
        scene.close(remove=is_whole and not keep)
    return _DONE


def _play(scene: Scene) -> ServerProcess:
    """All acts in order; the server that still answers at the end."""
    prepare(scene)
    # The tempting variant is built meanwhile: it shares nothing with the honest project, and a
    # machine has more than one core.
    leaky = start_leaky(scene)
    first = crash_and_resume(scene)
    catch_leak(scene, leaky, first)
    server = ask(scene)
    change_window(scene, server)
    roll_back(scene, server, first)
    # It reads and changes nothing, so it can run beside the next acts.
    month = start_simulation(scene)
    promote_ungated(scene, first)
    recompute(scene, server, first)
    simulate_month(scene, month)
    return server


def _end(scene: Scene, server: ServerProcess, *, keep: bool) -> None:
    """How to look further."""
    _write("")
    if keep:
        scene.honest.leave(server.process)
        _write(
            f"  The server answers on http://127.0.0.1:{server.port} until you end it: "
            f"kill {server.process.pid}"
        )
        _write(
            f"  Look further: cd {scene.honest.folder}, then mainspring status, audit, "
            f"lineage late-arrival, or change flights.py and plan."
        )
    else:
        _write("  Everything was taken away again.  To look around in it: mainspring demo --keep")
        _write("  To begin with your own data: mainspring init my-project")


def _fresh(path: Path) -> Path:
    """The path, or the first free one with a number."""
    candidates = (path, *(path.with_name(f"{path.name}-{number}") for number in range(2, 1_000)))
    return next(candidate for candidate in candidates if not candidate.exists())


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
