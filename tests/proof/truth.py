"""What a view must answer, said as plainly as possible: judge every row by the rules, keep what is
seen at q, and ask the oracle about each window.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mainspring.elements.expression.aggregation import Aggregation
from mainspring.elements.schema import DType
from mainspring.elements.window import format_window
from mainspring.features.kernel.arrays import NEVER
from mainspring.features.kernel.output import LISTS, AggregateOp, OutputSpec
from mainspring.features.spec import Entity
from mainspring.features.view import CompiledView
from tests.laws.oracle import Fact, answer_of

__all__ = [
    "Declared",
    "Push",
    "Question",
    "Revision",
    "Row",
    "Told",
    "Truth",
    "Wanted",
    "revisions_of",
]

Plain = float | int | str | None
Row = Mapping[str, Plain]
Told = Plain | list[Plain]


class Push(NamedTuple):
    """A row as it was handed in: whose revision it is, when it happened, from when on it would be
    seen, and what shall be done with it.
    """

    id: tuple[Plain, ...] | int
    event_time: int
    visible_at: int
    op: str
    row: Row


@dataclass
class Revision:
    """An accepted row, and how long it is the one to be seen."""

    push: Push
    visible_from: int
    visible_to: int = NEVER


class Wanted(NamedTuple):
    """An aggregate twice: as a user declares it, and as the oracle is asked, with what each row
    carries in plain Python.

    Args:
        value: None for what counts rows.
        listed: whether the answer is a list.
    """

    declared: Aggregation | None
    op: AggregateOp
    value: Callable[[Row], Plain] | None = None
    size: int = 1
    parameters: tuple[int, ...] = ()
    listed: bool = False


class Declared(NamedTuple):
    """A view, what is wanted of it, and the view through which its entities are reached."""

    compiled: CompiledView
    wanted: Mapping[str, Wanted]
    lookup: "Declared | None" = None


class Question(NamedTuple):
    """Join keys by name, and the prediction time."""

    keys: Row
    time: int


def revisions_of(pushes: Iterable[Push], *, lateness: int | None = None) -> list[Revision]:
    """What the sequencer accepts, one row at a time."""
    revisions: list[Revision] = []
    newest: dict[Hashable, tuple[str, int, Revision | None]] = {}
    for push in pushes:
        content, seen = repr(push.row), push.visible_at
        said, before, standing = newest.get(push.id, ("", seen - 1, None))
        seen = max(seen, before + 1)
        if push.op == "delete":
            if standing:
                standing.visible_to = seen
                newest[push.id] = (said, seen, None)
            continue
        is_duplicate = said == content and (standing is not None or push.op == "insert")
        is_late = lateness is not None and push.visible_at - push.event_time > lateness
        if is_duplicate or (said and push.op == "insert") or is_late:
            continue
        if standing:
            standing.visible_to = seen
        revisions.append(Revision(push, seen))
        newest[push.id] = (content, seen, revisions[-1])
    return revisions


class Truth:
    """Answers for one view over the revisions of its sources."""

    def __init__(self, view: Declared, revisions: Mapping[str, Sequence[Revision]]) -> None:
        self._view, self._spec = view, view.compiled.view
        facts = [
            (source.name, revision)
            for source in self._spec.sources
            for revision in revisions[source.name]
        ]
        facts.sort(
            key=lambda fact: (
                fact[1].push.event_time,
                fact[0],
                fact[1].push.id,
                fact[1].visible_from,
            )
        )
        self._facts = [revision for _, revision in facts]
        self._lookup = Truth(view.lookup, revisions) if view.lookup else None

    def answer(self, question: Question) -> dict[str, Told]:
        """Every feature of every entity."""
        spec, told = self._spec, dict[str, Told]()
        time = question.time if spec.hop is None else question.time // spec.hop * spec.hop
        types = dict(
            zip(
                self._view.compiled.column_names,
                [field.dtype for field in self._view.compiled.fields],
                strict=True,
            )
        )
        for entity in spec.entities:
            facts = self._seen(entity, question, time)
            for name, wanted in self._view.wanted.items():
                for window in spec.windows or [spec.ttl]:
                    column = f"{entity.name}__{name}" + (
                        f"__{format_window(window)}" if spec.windows else ""
                    )
                    output = OutputSpec(
                        wanted.op, 0 if wanted.value else -1, window, wanted.size, wanted.parameters
                    )
                    told[column] = shaped(
                        wanted, types[column], *self._rows(output, wanted, facts, time)
                    )
        return told

    def _seen(self, entity: Entity, question: Question, time: int) -> list[Revision]:
        """The entity's facts that are seen at a time."""
        key = (
            [question.keys[name] for name in entity.join_keys]
            if entity.through is None
            else self._key_of(entity, question)
        )
        if None in key and entity.null_keys == "skip":
            return []
        seen = [
            fact
            for fact in self._facts
            if fact.visible_from <= time < fact.visible_to and fact.push.event_time <= time
        ]
        return [fact for fact in seen if [fact.push.row[name] for name in entity.join_keys] == key]

    def _key_of(self, entity: Entity, question: Question) -> list[Told]:
        """What another view knew of the key at the prediction time."""
        assert self._lookup
        [asked] = self._lookup._spec.entities
        known = self._lookup.answer(question)
        return [known[f"{asked.name}__{name}"] for name in entity.join_keys]

    def _rows(
        self, output: OutputSpec, wanted: Wanted, facts: Sequence[Revision], time: int
    ) -> tuple[list[Plain], list[str]]:
        """The oracle's rows, and the texts that they are places of, in order of their code
        points.
        """
        inside = (
            facts
            if output.span is None
            else [fact for fact in facts if fact.push.event_time >= time - output.span]
        )
        held = [wanted.value(fact.push.row) if wanted.value else None for fact in inside]
        texts = sorted({value for value in held if isinstance(value, str)})
        places = {text: place for place, text in enumerate(texts)}
        values = [(places[value] if isinstance(value, str) else value,) for value in held]
        asked = [
            Fact(0, fact.push.event_time, fact.visible_from, fact.visible_to, value)
            for fact, value in zip(inside, values, strict=True)
        ]
        return list(answer_of(output, asked, 0, time, self._spec.closed)), texts


def shaped(wanted: Wanted, dtype: DType, rows: Sequence[Plain], texts: Sequence[str]) -> Told:
    """The oracle's rows as the value of a column."""
    if not wanted.listed:
        return typed(dtype, rows[0], texts)
    if wanted.op in LISTS:
        length = rows[0]
        assert isinstance(length, int)
        rows = rows[1 : 1 + length]
    return None if None in rows else [typed(dtype.element, row, texts) for row in rows]


def typed(dtype: DType, value: Plain, texts: Sequence[str]) -> Plain:
    """A number of the oracle as what it stands for."""
    if value is None or isinstance(value, str):
        return None
    match dtype:
        case DType.STRING:
            return texts[int(value)]
        case DType.FLOAT64:
            return math.nan if math.isnan(value) else float(value)
        case DType.BOOLEAN:
            return bool(value)
        case _:
            return int(value)
