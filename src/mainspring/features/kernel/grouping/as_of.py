"""Lookups where facts and questions lie in order of time, as logs do: one walk over both, which
remembers the newest fact of each key.

Nothing is grouped, so nothing is moved: what is remembered of a hundred thousand keys fits into the
cache.  Shares of the walk follow each other in time; a question whose key has no fact in its own
share is answered by what the shares before it remember in the end.  The walk gives up where facts
or questions turn out not to be in order, and where two facts of a key happen at once, since their
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


class Asked(NamedTuple):
    """Questions in order of time.  Shapes: code (questions,) int32; time (questions,) int64; found
    (questions,) int64, written.
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
    """The facts and questions of one thread."""

    first_fact: int
    stop_fact: int
    first_question: int
    stop_question: int


Walk = Callable[[Past, Asked, Memory, Share], None]


def newest_facts(past: Past, asked: Asked, *, keys: int) -> bool:
    """For each question write the newest fact of its key that happened before it, -1 if there is
    none; whether that was possible.

    Cost: 2 ns a fact, on all processors and without the interpreter lock.
    """
    past, asked = (
        Past(read_only(past.code), read_only(past.time)),
        Asked(read_only(asked.code), read_only(asked.time), asked.found),
    )
    cuts = np.searchsorted(past.time, past.time[even_bounds(past.time.size)[1:-1]])
    facts = [0, *cuts.tolist(), past.time.size]
    questions = [
        0,
        *np.where(
            cuts > 0, np.searchsorted(asked.time, past.time[cuts - 1], side="right"), 0
        ).tolist(),
        asked.time.size,
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
            asked,
            memories[share],
            Share(facts[share], facts[share + 1], questions[share], questions[share + 1]),
        )

    run_shares(walk, range(len(facts)))
    if any(memory.gave_up[0] for memory in memories):
        return False
    for share in range(1, len(memories)):
        own = slice(questions[share], questions[share + 1])
        for memory in reversed(memories[:share]):
            unknown = (asked.found[own] == NONE) & (asked.code[own] >= 0)
            asked.found[own][unknown] = memory.fact[asked.code[own][unknown]]
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
        Asked(short, words, np.empty(0, dtype=np.int64)),
        memory,
        Share(0, 0, 0, 0),
    )


def _sealed(edition: int) -> Walk:
    def walk(past: Past, asked: Asked, memory: Memory, share: Share) -> None:
        memory.gave_up[0] = edition < 0 or not answer_share(past, asked, memory, share)

    return walk


@compiled_part
def answer_share(past: Past, asked: Asked, memory: Memory, share: Share) -> bool:
    """Answer the questions of a share and remember its facts; False where the walk gives up."""
    fact = share.first_fact
    for question in range(share.first_question, share.stop_question):
        time, key = asked.time[at(question)], asked.code[at(question)]
        if question > 0 and time < asked.time[at(question - 1)]:
            return False
        while fact < share.stop_fact and past.time[at(fact)] < time:
            if not remember(past, memory, fact):
                return False
            fact += 1
        asked.found[at(question)] = memory.fact[at(key)] if key >= 0 else NONE
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
        if time <= memory.time[at(key)]:
            return False
        memory.fact[at(key)], memory.time[at(key)] = fact, time
    return True
