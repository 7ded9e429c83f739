"""Every damage, and after it every verb of the command line.

`python -m tests.attacks.every_damage` prints a table of what became of each, and ends with 1 where
one of them ended without a code of ours, hung, or died.
"""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.attacks.child import Outcome, VerbRunner
from tests.attacks.damages import DAMAGES, DOCUMENT_DAMAGES, Damage
from tests.attacks.small_workspace import copied, make_small_workspace, verbs_of

__all__ = ["iter_outcomes", "main"]

_SLOW = ("run",)
"""Verbs that train: seconds each."""


def iter_outcomes(
    origin: Path, damages: Iterable[Damage], verbs: Sequence[str]
) -> Iterator[tuple[Damage, str, Outcome]]:
    """What became of each verb on a fresh copy of the workspace with each damage."""
    with VerbRunner() as runner:
        for damage in damages:
            for verb in verbs:
                with tempfile.TemporaryDirectory() as folder:
                    project = copied(origin, Path(folder))
                    damage.apply(project)
                    if verb == "restore":
                        shutil.rmtree(project / ".mainspring", ignore_errors=True)
                        (project / ".mainspring").unlink(missing_ok=True)
                    arguments = [*verbs_of(project)[verb], "--project", str(project)]
                    yield damage, verb, runner.run(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 where an outcome is not coded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--match", default="", help="only damages whose name has this in it")
    parser.add_argument("--verbs", default="", help="only these, with commas between")
    parser.add_argument("--fast", action="store_true", help="leave out verbs that train")
    given = parser.parse_args(arguments)
    damages = [each for each in (*DAMAGES, *DOCUMENT_DAMAGES) if given.match in each.name]
    with tempfile.TemporaryDirectory() as folder:
        origin = make_small_workspace(Path(folder))
        verbs = given.verbs.split(",") if given.verbs else list(verbs_of(origin))
        verbs = [verb for verb in verbs if not (given.fast and verb in _SLOW)]
        found = _print_outcomes(iter_outcomes(origin, damages, verbs))
    uncoded = [line for line in found if line]
    print(f"{len(damages)} damages x {len(verbs)} verbs: {len(uncoded)} outcomes without a code")
    return 1 if uncoded else 0


def _print_outcomes(outcomes: Iterable[tuple[Damage, str, Outcome]]) -> list[str]:
    """Print one line a damage; what was not coded."""
    uncoded: list[str] = []
    now, counts = "", Counter[str]()
    for damage, verb, outcome in outcomes:
        if damage.name != now:
            _print_counts(now, counts)
            now, counts = damage.name, Counter()
        counts[str(outcome)] += 1
        if not outcome.is_coded:
            uncoded.append(f"{damage.name} | {verb} | {outcome} {outcome.err.strip()[:300]}")
            print(f"  !! {verb}: {outcome.status} {outcome.err.strip()[:300]}", flush=True)
    _print_counts(now, counts)
    return uncoded


def _print_counts(name: str, counts: Counter[str]) -> None:
    if name:
        said = ", ".join(f"{outcome} {count}" for outcome, count in counts.most_common())
        print(f"{name}: {said}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
