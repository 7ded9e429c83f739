"""A million values, answered in every way: `python -m tests.proof.prove [--probes N] [--seed N]
[--processes N]`.

A probe is one feature of one question about one history.  The oracle answers it, and so do a
backfill, streams in batches, reads at earlier positions of the log, state in 2, 7 or 64 partitions,
the same records in another order, and state that was begun late; the table says how many values
were compared with which, and how many differ in their bytes.  The first history that shows a
difference is made as small as it can be and printed.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from tests.proof.declared import VIEWS
from tests.proof.history import History, history_of
from tests.proof.minimal import minimal, render
from tests.proof.pairing import Count, Difference, compare_history

__all__ = ["PROBE", "Outcome", "check_seed", "counterexample", "render_outcome"]

PROBE = "backfill = oracle"
DEEP = ("sums", "sums_ever", "lists", "newest_ever")
EVERY_DEEP, DEEP_ROWS, DEEP_MOMENTS = 32, 12_000, 3
SEEDS_AT_ONCE = 4


class Outcome(NamedTuple):
    """What one seed or several showed: how much was compared, how much differs, by pairing, and
    which (seed, view) differ.
    """

    compared: Count
    differing: Count
    failed: Sequence[tuple[int, str]]

    def __add__(self, other: "Outcome") -> "Outcome":  # type: ignore[override]
        return Outcome(
            self.compared + other.compared,
            self.differing + other.differing,
            [*self.failed, *other.failed],
        )


def check_seed(seed: int) -> Outcome:
    """All views over the history of a seed; every 32nd is of some thousand facts for each key."""
    compared, differing, failed = Count(), Count(), []
    for name in DEEP if seed % EVERY_DEEP == 0 else VIEWS:
        found = Counter(
            difference.pairing
            for difference in compare_history(
                VIEWS[name], history_for(seed), count=compared, seed=seed
            )
        )
        differing += found
        failed += [(seed, name)] if found else []
    return Outcome(compared, differing, failed)


def history_for(seed: int) -> History:
    """The history of a seed."""
    return (
        history_of(seed, size=DEEP_ROWS, asked=DEEP_MOMENTS)
        if seed % EVERY_DEEP == 0
        else history_of(seed)
    )


def counterexample(name: str, seed: int, history: History) -> str:
    """The smallest part of a history over which a view shows a difference, and the difference."""

    def first(part: History) -> Difference | None:
        return next(compare_history(VIEWS[name], part, count=Count(), seed=seed), None)

    smallest = minimal(history, lambda part: first(part) is not None)
    difference = first(smallest)
    assert difference
    told = (
        f"{difference.pairing}: {difference.where}\n  expected {difference.expected!r}\n  "
        f"found    {difference.found!r}"
    )
    return f"view {name}, seed {seed}\n{render(smallest)}\n{told}"


def render_outcome(outcome: Outcome) -> str:
    """A line for each pairing."""
    width = max(map(len, outcome.compared))
    lines = [f"{'compared':<{width}}  {'values':>12}  {'differing':>9}"]
    lines += [
        f"{pairing:<{width}}  {number:>12,}  {outcome.differing[pairing]:>9,}"
        for pairing, number in sorted(outcome.compared.items())
    ]
    return "\n".join(lines)


def prove(probes: int, seed: int, processes: int) -> tuple[Outcome, int]:
    """Check one seed after the other until there were so many probes, or one differs; what was
    found, and the seed to go on with.
    """
    outcome = Outcome(Count(), Count(), [])
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        while outcome.compared[PROBE] < probes and not outcome.failed:
            for each in pool.map(check_seed, range(seed, seed + SEEDS_AT_ONCE * processes)):
                outcome += each
            seed += SEEDS_AT_ONCE * processes
            print(
                f"{outcome.compared[PROBE]:,} probes of {probes:,}, "
                f"{outcome.differing.total()} differing",
                file=sys.stderr,
                flush=True,
            )
    return outcome, seed


def main() -> int:
    """Prove, say what was found, and exit with 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probes", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    begun = time.monotonic()
    outcome, stop = prove(asked.probes, asked.seed, asked.processes)
    print(render_outcome(outcome))
    spent = f"{outcome.compared[PROBE]:,} probes, {time.monotonic() - begun:.0f} s"
    print(f"\nseeds {asked.seed} to {stop - 1}, {spent}: {outcome.differing.total()} values differ")
    for seed, name in outcome.failed[:1]:
        print(counterexample(name, seed, history_for(seed)))
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
