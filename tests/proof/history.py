"""Histories: what producers hand in, delivery by delivery, and what is asked afterwards.

`history_of` makes one from a seed: late, early, tied, said twice, contradicted, replaced, deleted,
imported as history, with null and NaN, and with numbers whose sums leave no bit to chance.  A
history of some hundred facts per key grows every kind of page that online state has.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from mainspring.elements.time import HOUR, MINUTE, SECOND
from tests.proof.truth import Plain, Push, Question, Row

__all__ = [
    "BEGINNING",
    "EXTREME",
    "GATES",
    "TAME",
    "UNRULY",
    "Delivery",
    "Handed",
    "History",
    "history_of",
    "pushes_of",
    "questions_of",
    "row_of",
]

BEGINNING = 1_700_000_000 * SECOND // HOUR * HOUR
CITIES: Sequence[str | None] = ("JFK", "JFK", "JFK", "JFK", "LGA", None)
GATES: Sequence[str | None] = ("A", "A", "B", "C12", "é", "", None)
TAME: Sequence[float | None] = (0.1, 0.2, -0.0, 0.0, 1.0, 2.5, 17.25, -3.0, None)
EXTREME: Sequence[float | None] = (
    1e16,
    -1e16,
    1e308,
    -1e308,
    1.7976931348623157e308,
    5e-324,
    -2.2250738585072014e-308,
    2.0**-53,
    *TAME,
)
UNRULY: Sequence[float | None] = (float("nan"), float("inf"), float("-inf"), *EXTREME)
SPARSE: Sequence[float | None] = (*[None] * 20, 1e16, -1e16, 1.0, 2.0**-1000, 0.0, -0.0)
BAGS: Sequence[int | None] = (None, -5, -1, 0, 1, 2, 3, 4, 5, 2**50 + 1)
FEW_BAGS: Sequence[int | None] = (*[None] * 20, 0, 2**31, -(2**31), 2**32, 2**40)
EDGES = (MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 5 * HOUR)


class Handed(NamedTuple):
    """One row, and what shall be done with it."""

    op: str
    row: Row


@dataclass(frozen=True)
class Delivery:
    """Rows that one producer hands in at one moment; `is_folded` if the stream catches up
    afterwards.
    """

    source: str
    moment: int
    is_history: bool
    rows: Sequence[Handed]
    is_folded: bool = True


@dataclass(frozen=True)
class History:
    """What was handed in, and what is asked."""

    deliveries: Sequence[Delivery]
    questions: Sequence[Question]


IDS: Mapping[str, tuple[str, ...]] = {"landings": ("id",), "starts": ("leg", "id")}
LEGS = ("", "a", "a|b", "a\\", "b", "ab")


def row_of(id: int, at: int, known: int, **values: Plain) -> Row:
    """A row with all columns, in their order."""
    return {
        "id": id,
        "leg": LEGS[id % len(LEGS)],
        "at": at,
        "known": known,
        "city": None,
        "gate": None,
        "delay": None,
        "bags": None,
    } | values


def pushes_of(deliveries: Iterable[Delivery], source: str) -> list[Push]:
    """The rows of a source in the order in which the sequencer judges them."""
    return [
        Push(
            tuple(handed.row[name] for name in IDS[source]),
            at,
            known if delivery.is_history else max(known, delivery.moment),
            handed.op,
            handed.row,
        )
        for delivery in deliveries
        if delivery.source == source
        for handed in delivery.rows
        if isinstance(at := handed.row["at"], int) and isinstance(known := handed.row["known"], int)
    ]


def history_of(seed: int, *, size: int | None = None, asked: int = 16) -> History:
    """The history of this seed.

    Args:
        size: how many rows are handed in; default: 20 to 1,500.
        asked: at how many moments questions are asked.
    """
    random = Random(seed)
    producer = _Producer(random, size or random.choice([20, 20, 60, 60, 200, 500, 1_500]))
    deliveries = list(producer.deliveries())
    return History(deliveries, questions_of(deliveries, random, asked))


def questions_of(deliveries: Sequence[Delivery], random: Random, asked: int) -> list[Question]:
    """Questions while things happen, when they leave a window, shortly before the end and at any
    time, in no order.
    """
    told = [
        moment
        for delivery in deliveries
        for handed in delivery.rows
        for moment in (handed.row["at"], handed.row["known"], delivery.moment)
    ]
    moments = [moment for moment in told if isinstance(moment, int)]
    questions = []
    for _ in range(asked):
        chance = random.random()
        time = random.choice(moments) + random.choice((-1, 0, 0, 1))
        if chance < 0.3:
            time += random.choice(EDGES)
        elif chance < 0.5:
            time = max(moments) - random.randrange(3 * HOUR)
        elif chance < 0.65:
            time = random.randrange(min(moments) - HOUR, max(moments) + 7 * HOUR)
        for _ in range(random.choice((1, 1, 4))):
            questions.append(
                Question(
                    {"city": random.choice([*CITIES, "???"]), "gate": random.choice(GATES)}, time
                )
            )
    return questions


class _Producer:
    """Hands in rows as time goes by."""

    def __init__(self, random: Random, size: int) -> None:
        self._random, self._size = random, size
        self._pace = random.choice((SECOND, 20 * SECOND, MINUTE, 4 * MINUTE))
        self._delays = random.choice((TAME, TAME, EXTREME, UNRULY, SPARSE))
        self._bags = random.choice((BAGS, BAGS, FEW_BAGS))
        self._is_prompt = random.random() < 0.3
        self._silence = random.choice((0.0, 0.2, 0.6))
        self._silent: Sequence[str] = ()
        self._fold_share = random.choice((0.0, 0.1, 0.5, 1.0))
        self._said: dict[str, list[Row]] = {"landings": [], "starts": []}

    def deliveries(self) -> Iterable[Delivery]:
        """All of them, in time."""
        random, moment, number = self._random, BEGINNING, 0
        while number < self._size:
            count = min(random.choice((1, 1, 1, 5, 20, 80)), self._size - number)
            source = random.choice(("landings", "landings", "starts"))
            # Now and then nobody measures: windows then hold values in sealed pages only.
            self._silent = [
                name for name in ("delay", "bags", "gate") if random.random() < self._silence
            ]
            handed = []
            for _ in range(count):
                moment += random.choice((0, 1, self._pace, 3 * self._pace))
                # Of any sign and length, so that ids follow neither arrival nor text.
                id = random.choice((1, -1)) * (
                    random.choice((0, random.randrange(100))) * 10**6 + number
                )
                handed.append(self._hand_in(source, id, moment))
                number += 1
            yield Delivery(
                source,
                moment,
                not self._is_prompt and random.random() < 0.2,
                handed,
                random.random() < self._fold_share,
            )

    def _hand_in(self, source: str, id: int, moment: int) -> Handed:
        said, chance = self._said[source], self._random.random()
        if not said or chance < 0.9:
            said.append(self._row(id, moment))
            return Handed("insert", said[-1])
        old = self._random.choice(said[-300:])
        fresh = self._row(int(old["id"] or 0), moment)
        if chance < 0.93:
            said.append(fresh)
            return Handed("replace", fresh)
        if chance < 0.96:
            return Handed("delete", {**old, "known": fresh["known"]})
        return Handed("insert", fresh if chance < 0.97 else old)

    def _row(self, id: int, moment: int) -> Row:
        random = self._random
        lag = (
            0
            if self._is_prompt
            else random.choice(
                (
                    0,
                    0,
                    0,
                    MINUTE,
                    random.randrange(90) * MINUTE,
                    random.randrange(-30, 150) * MINUTE,
                )
            )
        )
        at = moment - lag
        if random.random() < 0.6:
            at = at // MINUTE * MINUTE
        known = at + random.choice(
            (
                0,
                0,
                0,
                0,
                1,
                random.randrange(60) * MINUTE,
                9 * HOUR if random.random() < 0.02 else 0,
            )
        )
        values = {
            "gate": random.choice(GATES),
            "delay": random.choice(self._delays),
            "bags": random.choice(self._bags),
        }
        return row_of(
            id, at, known, city=random.choice(CITIES), **values | dict.fromkeys(self._silent)
        )
