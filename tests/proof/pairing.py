"""The equalities that are proven: every way to an answer gives the bytes of the others, and state
is the same bytes however it came about.
"""

import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.online import SqliteOnline
from tests.proof.declared import LATENESS, SOURCES
from tests.proof.history import History, pushes_of
from tests.proof.reading import (
    Reading,
    Table,
    arrived,
    fold,
    folded,
    heads_of,
    iter_streamed,
    logged,
    rearranged,
    rows_of,
    sharded,
    taught,
    told,
)
from tests.proof.truth import Declared, Question, Told, Truth, revisions_of

__all__ = [
    "PARTITIONS",
    "Count",
    "Difference",
    "compare_history",
    "compare_told",
    "pattern",
    "true_answers",
]

PARTITIONS = (2, 7, 64)
Count = Counter[str]


class Difference(NamedTuple):
    """Two ways that do not agree, where, and what each says."""

    pairing: str
    where: str
    expected: object
    found: object


class _Compared(NamedTuple):
    """What is known of one history, and what was compared so far."""

    view: Declared
    history: History
    count: Count

    def tables(
        self, pairing: str, expected: Table, found: Table, questions: Sequence[Question]
    ) -> Iterator[Difference]:
        """Compare value by value."""
        self.count[pairing] += len(questions) * len(expected)
        for name, values in expected.items():
            for question, taught_value, told_value in zip(
                questions, values, found[name], strict=True
            ):
                if pattern(taught_value) != pattern(told_value):
                    yield Difference(
                        pairing,
                        f"{name} of {dict(question.keys)} at {question.time}",
                        taught_value,
                        told_value,
                    )

    def rows(
        self, pairing: str, expected: Mapping[bytes, bytes], found: Mapping[bytes, bytes]
    ) -> Iterator[Difference]:
        """Compare rows of state."""
        self.count[pairing] += len(expected)
        for key in sorted(expected.keys() | found.keys()):
            if expected.get(key) != found.get(key):
                yield Difference(pairing, f"row {key!r}", expected.get(key), found.get(key))


def pattern(value: Told) -> object:
    """The bytes of a value with its type: 0.0 is not -0.0, 1 is not 1.0, and a NaN equals
    itself.
    """
    match value:
        case float():
            return struct.pack("<d", value)
        case list():
            return [pattern(each) for each in value]
        case _:
            return type(value), value


def true_answers(view: Declared, history: History, deliveries: int | None = None) -> Table:
    """What the oracle answers after so many deliveries."""
    revisions = {
        name: revisions_of(pushes_of(history.deliveries[:deliveries], name), lateness=LATENESS)
        for name in SOURCES
    }
    truth = Truth(view, revisions)
    answers = [truth.answer(question) for question in history.questions]
    return {name: [answer[name] for answer in answers] for name in view.compiled.column_names}


def compare_history(
    view: Declared, history: History, *, count: Count, seed: int
) -> Iterator[Difference]:
    """Answer every question of a history in every way, and give what differs.

    Args:
        count: to which the values compared are added, by pairing.
    """
    compared, random = _Compared(view, history, count), Random(seed)
    log = logged(history.deliveries)
    expected = taught(view.compiled, log, history.questions)
    yield from compared.tables(
        "backfill = oracle", true_answers(view, history), expected, history.questions
    )
    yield from _on_the_way(compared, log, random)
    yield from _partitioned(compared, log, expected, random)
    yield from _rearranged(compared, log, expected, random)
    yield from _built_late(compared, log, expected, random)


def compare_told(view: Declared, history: History, *, count: Count) -> Iterator[Difference]:
    """The shortest of the ways: what the stream tells in the end, against the oracle."""
    *_, (_, log, online) = iter_streamed(view.compiled, history.deliveries)
    reading = told(view.compiled, online, history.questions, since=arrived(log))
    yield from _read(
        _Compared(view, history, count),
        "stream in batches = oracle",
        true_answers(view, history),
        reading,
    )


def _read(
    compared: _Compared, pairing: str, expected: Table, reading: Reading
) -> Iterator[Difference]:
    """Compare what was told with what is expected of the same questions; what was refused is
    counted.
    """
    questions = compared.history.questions
    compared.count["(refused: too far back)"] += (len(questions) - len(reading.places)) * len(
        expected
    )
    wanted = {
        name: [values[place] for place in reading.places] for name, values in expected.items()
    }
    yield from compared.tables(
        pairing, wanted, reading.table, [questions[place] for place in reading.places]
    )


def _on_the_way(compared: _Compared, whole: SqliteLog, random: Random) -> Iterator[Difference]:
    """Stop at some positions L of the stream: state answers as a backfill of the whole log up to L
    does, and as the oracle of what was handed in by then.
    """
    view, history = compared.view, compared.history
    stops = {random.randrange(len(history.deliveries)), random.randrange(len(history.deliveries))}
    for deliveries, log, online in iter_streamed(view.compiled, history.deliveries):
        is_end = deliveries == len(history.deliveries)
        if deliveries in stops or is_end:
            expected = taught(view.compiled, whole, history.questions, heads=heads_of(log))
            reading = told(view.compiled, online, history.questions, since=arrived(log))
            yield from _read(
                compared,
                "stream in batches = backfill" if is_end else "read at L = backfill of log[:L]",
                expected,
                reading,
            )
            newest = max(position.visible_until for position in online.shards().values())
            compared.count["(read in the past)"] += sum(
                history.questions[place].time < newest for place in reading.places
            ) * len(expected)
        if deliveries in stops and not is_end and deliveries < 40:
            yield from compared.tables(
                "backfill of log[:L] = oracle",
                true_answers(view, history, deliveries),
                expected,
                history.questions,
            )
    if len(view.compiled.view.sources) == 1:
        yield from compared.rows(
            "state: batches leave no trace",
            rows_of(view.compiled, folded(view.compiled, whole)),
            rows_of(view.compiled, online),
        )


def _partitioned(
    compared: _Compared, log: SqliteLog, expected: Table, random: Random
) -> Iterator[Difference]:
    view, partitions = compared.view.compiled, random.choice(PARTITIONS)
    divided = sharded(view, partitions)
    online = folded(divided, log)
    yield from _read(
        compared,
        f"{partitions} partitions = backfill",
        expected,
        told(divided, online, compared.history.questions, since=arrived(log)),
    )
    yield from compared.rows(
        "state: partitions leave no trace",
        rows_of(view, folded(view, log)),
        rows_of(divided, online),
    )


def _rearranged(
    compared: _Compared, log: SqliteLog, expected: Table, random: Random
) -> Iterator[Difference]:
    """The same records in another order: backfill and state answer the same."""
    view, questions = compared.view.compiled, compared.history.questions
    other = rearranged(log, random)
    yield from compared.tables(
        "backfill of another order = backfill", expected, taught(view, other, questions), questions
    )
    reading = told(view, folded(view, other), questions, since=arrived(log))
    yield from _read(compared, "stream in another order = backfill", expected, reading)


def _built_late(
    compared: _Compared, log: SqliteLog, expected: Table, random: Random
) -> Iterator[Difference]:
    """State that is begun at some moment, and leaves out what no later read needs, answers from
    then on.
    """
    now = random.choice(compared.history.questions).time
    online = SqliteOnline(None)
    fold(compared.view.compiled, log, online, now=now)
    later = [
        place for place, question in enumerate(compared.history.questions) if question.time >= now
    ]
    asked = replace(
        compared.history, questions=[compared.history.questions[place] for place in later]
    )
    wanted = {name: [values[place] for place in later] for name, values in expected.items()}
    reading = told(compared.view.compiled, online, asked.questions, since=now)
    yield from _read(
        compared._replace(history=asked), "state begun late = backfill", wanted, reading
    )
