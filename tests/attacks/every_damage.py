"""Every damage, and after it every verb of the command line.

`python -m tests.attacks.every_damage` prints a line for each damage, what became of each verb after
it, and ends with 1 where one of them ended without a code of ours, hung, or died.

Each verb gets a copy of its own of the damaged workspace, in memory where there is such a folder:
a copy on disk takes longer than most verbs.  Damages are shared out among as many processes as
there are cores.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.attacks.child import Outcome, VerbRunner
from tests.attacks.damages import DAMAGES, DOCUMENT_DAMAGES, Damage
from tests.attacks.small_workspace import copied, make_small_workspace, verbs_of

__all__ = ["iter_outcomes", "main"]

_SLOW = ("run",)
"""Verbs that train: seconds each."""
_IN_MEMORY = Path("/dev/shm")


def iter_outcomes(
    origin: Path,
    damages: Sequence[Damage],
    verbs: Sequence[str],
    *,
    processes: int = 1,
    every: int = 1,
) -> Iterator[tuple[Damage, Mapping[str, Outcome]]]:
    """What became of each verb on a fresh copy of the workspace with each damage.

    Args:
        every: only each n-th verb, beginning with another one for each damage, so that every damage
            and every verb is seen still.
    """
    idle: SimpleQueue[VerbRunner] = SimpleQueue()
    runners = [VerbRunner() for _ in range(processes)]
    for runner in runners:
        idle.put(runner)

    def outcomes_of(damage: Damage) -> Mapping[str, Outcome]:
        runner = idle.get()
        try:
            chosen = verbs[damages.index(damage) % every :: every]
            return {verb: _outcome(origin, damage, verb, runner) for verb in chosen}
        finally:
            idle.put(runner)

    with ThreadPoolExecutor(processes) as pool:
        try:
            yield from zip(damages, pool.map(outcomes_of, damages), strict=True)
        finally:
            for runner in runners:
                runner.end()


def _outcome(origin: Path, damage: Damage, verb: str, runner: VerbRunner) -> Outcome:
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        project = copied(origin, Path(folder))
        damage.apply(project)
        if verb == "restore":
            _clear(project / ".mainspring")
        return runner.run([*verbs_of(project)[verb], "--project", str(project)])


def _clear(path: Path) -> None:
    """Remove a folder, or what lies in its place: to walk a pipe would wait for ever."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _folder() -> Path | None:
    return _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 where an outcome is not coded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--match", default="", help="only damages whose name has this in it")
    parser.add_argument("--verbs", default="", help="only these, with commas between")
    parser.add_argument("--fast", action="store_true", help="leave out verbs that train")
    parser.add_argument("--every", type=int, default=1, help="only each n-th verb of a damage")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    damages = [each for each in (*DAMAGES, *DOCUMENT_DAMAGES) if given.match in each.name]
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        origin = make_small_workspace(Path(folder))
        verbs = given.verbs.split(",") if given.verbs else list(verbs_of(origin))
        verbs = [verb for verb in verbs if not (given.fast and verb in _SLOW)]
        found = iter_outcomes(origin, damages, verbs, processes=given.processes, every=given.every)
        calls = uncoded = 0
        for damage, outcomes in found:
            calls += len(outcomes)
            uncoded += _print_outcomes(damage, outcomes)
    print(f"{len(damages)} damages, {calls} calls: {uncoded} outcomes without a code")
    return 1 if uncoded else 0


def _print_outcomes(damage: Damage, outcomes: Mapping[str, Outcome]) -> int:
    """Print one line, and one for each that is not coded; how many are not."""
    counts = Counter(str(outcome) for outcome in outcomes.values())
    said = ", ".join(f"{outcome} {count}" for outcome, count in counts.most_common())
    print(f"{damage.name}: {said}", flush=True)
    uncoded = {verb: each for verb, each in outcomes.items() if not each.is_coded}
    for verb, outcome in uncoded.items():
        text = f"{outcome.err.strip()[:300]} {outcome.out.strip()[-100:]}"
        print(f"  !! {verb}: {outcome.status} {text}", flush=True)
    return len(uncoded)


if __name__ == "__main__":
    sys.exit(main())
