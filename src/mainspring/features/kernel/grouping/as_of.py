"""Lookups where facts and requests lie in order of time, as logs do: one walk over both, which
remembers the newest fact of each key.

Nothing is grouped, so nothing is moved: what is remembered of a hundred thousand keys fits into the
cache.  Shares of the walk follow each other in time; a request whose key has no fact in its own
share is answered by what the shares before it remember in the end.  The walk gives up where facts
or requests turn out not to be in order, and where two facts of a key happen at once, since their
ids then decide.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from mainspring.features.kernel.arrays import Bytes, Ints, ShortInts, read_only
from mainspring.features.kernel.jit import at, compiled_part, entry_point, kernel_edition
from mainspring.features.kernel.shares import even_bounds, run_shares

__all__ = ["compiled_walk", "newest_facts"]

LONG_AGO = -(2**63)
NONE = -1


class Past(NamedTuple):
    """Facts in order of time.  Shapes: code (facts,) int32 of their keys, negative for none; time
    (facts,) int64.
    """

    code: ShortInts
    time: Ints


class AsOfQueries(NamedTuple):
    """Requests in order of time.  Shapes: code (requests,) int32; time (requests,) int64; found
    (requests,) int64, written.
    """

    code: ShortInts
    time: Ints
    found: Ints


class Memory(NamedTuple):
    """What a share remembers.

    Shapes: fact (keys,) int32, the newest of each key; time (keys,) int64, when it happened;
        gave_up (1,), 1 where the walk did.
    """

    fact: ShortInts
    time: Ints
    gave_up: Bytes


class Share(NamedTuple):
    """The facts and requests of one thread."""

    first_fact: int
    stop_fact: int
    first_request: int
    stop_request: int


Walk = Callable[[Past, AsOfQueries, Memory, Share], None]


def newest_facts(past: Past, queries: AsOfQueries, *, keys: int) -> bool:
    """For each request write the newest fact of its key that happened before it, -1 if there is
    none; whether that was possible.

    Cost: 2 ns a fact, on all processors and without the interpreter lock.
    """
    past, queries = (
        Past(read_only(past.code), read_only(past.time)),
        AsOfQueries(read_only(queries.code), read_only(queries.time), queries.found),
    )
    # Cut between different times, never among facts that happened at once.
    cuts = np.searchsorted(past.time, past.time[even_bounds(past.time.size)[1:-1]])
    facts = [0, *cuts.tolist(), past.time.size]
    requests = [
        0,
        *np.where(
            cuts > 0, np.searchsorted(queries.time, past.time[cuts - 1], side="right"), 0
        ).tolist(),
        queries.time.size,
    ]
    memories = [
        Memory(
            np.full(keys, NONE, dtype=np.int32),
            np.full(keys, LONG_AGO, dtype=np.int64),
            np.zeros(1, dtype=np.uint8),
        )
        for _ in facts[1:]
    ]

    def walk(share: int, _first: int, _stop: int) -> None:
        compiled_walk()(
            past,
            queries,
            memories[share],
            Share(facts[share], facts[share + 1], requests[share], requests[share + 1]),
        )

    run_shares(walk, range(len(facts)))
    if any(memory.gave_up[0] for memory in memories):
        return False
    # Each share knew its own facts only; a key not found there is looked up in the shares before,
    # the last first.
    for share in range(1, len(memories)):
        own = slice(requests[share], requests[share + 1])
        for memory in reversed(memories[:share]):
            unknown = (queries.found[own] == NONE) & (queries.code[own] >= 0)
            queries.found[own][unknown] = memory.fact[queries.code[own][unknown]]
    return True


@cache
def compiled_walk() -> Walk:
    """The walk, compiled."""
    short, words = read_only(np.empty(0, dtype=np.int32)), read_only(np.empty(0, dtype=np.int64))
    memory = Memory(
        np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64), np.zeros(1, dtype=np.uint8)
    )
    return entry_point(
        _sealed(kernel_edition()),
        Past(short, words),
        AsOfQueries(short, words, np.empty(0, dtype=np.int64)),
        memory,
        Share(0, 0, 0, 0),
    )


def _sealed(edition: int) -> Walk:
    def walk(past: Past, queries: AsOfQueries, memory: Memory, share: Share) -> None:
        memory.gave_up[0] = edition < 0 or not answer_share(past, queries, memory, share)

    return walk


@compiled_part
def answer_share(past: Past, queries: AsOfQueries, memory: Memory, share: Share) -> bool:
    """Answer the requests of a share and remember its facts; False where the walk gives up."""
    fact = share.first_fact
    for request in range(share.first_request, share.stop_request):
        time, key = queries.time[at(request)], queries.code[at(request)]
        if request > 0 and time < queries.time[at(request - 1)]:
            return False
        while fact < share.stop_fact and past.time[at(fact)] < time:
            if not remember(past, memory, fact):
                return False
            fact += 1
        queries.found[at(request)] = memory.fact[at(key)] if key >= 0 else NONE
    while fact < share.stop_fact:
        if not remember(past, memory, fact):
            return False
        fact += 1
    return True


@compiled_part
def remember(past: Past, memory: Memory, fact: int) -> bool:
    """Remember a fact; False where it is out of order, or happens at the same time as the one
    before of its key.
    """
    time, key = past.time[at(fact)], past.code[at(fact)]
    if fact > 0 and time < past.time[at(fact - 1)]:
        return False
    if key >= 0:
        # Of two facts at one time the id decides, and ids are not looked at here.
        if time <= memory.time[at(key)]:
            return False
        memory.fact[at(key)], memory.time[at(key)] = fact, time
    return True
