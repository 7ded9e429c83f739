"""Answer questions about keys of one shard, each at its own moment: heads and directories first, then as few pages as the moments need."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mainspring.elements.time import Micros, format_instant
from mainspring.features.errors import HorizonPassed
from mainspring.features.kernel.aggregate import aggregate
from mainspring.features.kernel.arrays import Bytes, Ints, Spine
from mainspring.features.kernel.newest import Lookups
from mainspring.features.kernel.online import NOTE, answer_door, lookup_door
from mainspring.features.kernel.packed import NOTE_CELLS, pack_request, request_door
from mainspring.features.kernel.page import EVICTED, LENGTH_MASK, TEXT_SHIFT
from mainspring.features.kernel.point import AMBIGUOUS, FORGOTTEN, Questions, Told, Windows
from mainspring.features.kernel.point import Rows as KernelRows
from mainspring.features.kernel.program import FOREVER
from mainspring.features.names import directory_key, page_key
from mainspring.features.pages import Rows, facts_of_rows, join_rows, lay_out
from mainspring.features.pattern import code_texts
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader, Position

__all__ = ["Asked", "PointAnswer", "answer_shard", "fetch_rows"]

_FETCHED_AT_ONCE = 1_024


class Asked(NamedTuple):
    """Questions.

    Args:
        oldest: the earliest of the times.

    Shapes: names (keys,), codes and times (questions,); code -1 is a key that names nobody.
    """

    names: list[bytes]
    codes: Ints
    times: Ints
    oldest: Micros


class PointAnswer(NamedTuple):
    """Shapes: bits and valid (rows of an answer, questions); texts by column, in which the bits of text outputs are places; overflow: (question, output)."""

    bits: Ints
    valid: Bytes
    texts: Mapping[int, Sequence[str]]
    overflow: tuple[int, int] | None


def answer_shard(view: CompiledView, online: OnlineReader, shard: str, asked: Asked) -> tuple[PointAnswer, Position]:
    """Every question's answer, all read at one position of the shard.

    Raises: FEA-002 when a time lies before what is kept.
    """
    while True:
        reading = _begin(view, online, shard, asked)
        answer = reading.from_roots() or reading.answer()
        if answer is not None:
            return answer, reading.position


def fetch_rows(view: CompiledView, online: OnlineReader, shard: str, asked: Asked) -> list[list[bytes]]:
    """For each key its rows, with every fact that a question about it can see: what the slow way of an answer starts from.

    Raises: FEA-002 when a time lies before what is kept.
    """
    while True:
        reading = _begin(view, online, shard, asked)
        if reading.survey(view.tiles.survey, asked.codes, asked.times) is not None:
            return reading.groups


def _begin(view: CompiledView, online: OnlineReader, shard: str, asked: Asked) -> "_Reading":
    """Read the head and the directory of each key."""
    names, longest = asked.names, view.tiles.longest
    position, roots = online.read(shard, [*names, *map(directory_key, names)])
    needed_from = -FOREVER if longest >= FOREVER else asked.oldest - longest
    if position is None or needed_from < position.kept_from:
        raise _passed(view, None if position is None else position.kept_from, needed_from)
    groups = [[row for row in group if row is not None] for group in zip(roots[: len(names)], roots[len(names) :], strict=True)]
    return _Reading(view, online, shard, asked, position, groups)


class _Reading(NamedTuple):
    """One attempt to answer from the rows of each key; it fails when the shard moves on while further pages are fetched."""

    view: CompiledView
    online: OnlineReader
    shard: str
    asked: Asked
    position: Position
    groups: list[list[bytes]]

    def from_roots(self) -> PointAnswer | None:
        """The answer if heads and directories have all of it, as they mostly do: one call of the kernel and nothing else."""
        tiles, asked = self.view.tiles, self.asked
        if tiles.kind != "sums":
            return None
        slots, questions = self.view.program.tables.sizes.height, asked.codes.size
        payload, starts, key_rows = lay_out(self.groups)
        told = np.empty((2 * slots + 1, questions + NOTE_CELLS), dtype=np.int64)
        request = pack_request(asked.codes.tolist(), asked.times.tolist(), starts, key_rows)
        request_door()(np.frombuffer(payload, dtype=np.int64), request, tiles.packed, told)
        worst = told[-1, questions + 1]
        return None if worst else PointAnswer(told[:slots, :questions], told[slots:-1, :questions].astype(np.uint8), {}, None)

    def answer(self) -> PointAnswer | None:
        """The answer, or None when another attempt is needed."""
        match self.view.tiles.kind:
            case "sums":
                return self.from_tiles()
            case "newest":
                return self.newest()
            case "facts":
                return self.from_facts(np.arange(self.asked.codes.size))

    def from_tiles(self) -> PointAnswer | None:
        """Sums of tiles, and of facts where a window's edge lies in a page."""
        told = self.survey(self.view.tiles.windows, self.asked.codes, self.asked.times)
        if told is None:
            return None
        if not told.note[1]:
            return PointAnswer(told.bits, told.valid, {}, None)
        questions = np.flatnonzero(told.outcome >= AMBIGUOUS)
        exact = self.from_facts(questions)
        if exact is None:
            return None
        told.bits[:, questions], told.valid[:, questions] = exact.bits, exact.valid
        return PointAnswer(told.bits, told.valid, {}, exact.overflow and (int(questions[exact.overflow[0]]), exact.overflow[1]))

    def from_facts(self, questions: Ints) -> PointAnswer | None:
        """The answers to these questions from all facts that they may see, in total order."""
        asked, view = self.asked, self.view
        codes, times = asked.codes[questions], asked.times[questions]
        if self.survey(view.tiles.survey, codes, times) is None:
            return None
        facts, texts = facts_of_rows(self.groups, view.tiles)
        dictionaries: dict[int, Sequence[str]] = {}
        for place, column in enumerate(view.text_columns):
            present = facts.valid[column].tolist()
            facts.values[column], dictionaries[column] = code_texts([text[place].decode() if ok else None for text, ok in zip(texts, present, strict=True)])
        answer = aggregate(view.program, facts, Spine(codes, times))
        return PointAnswer(answer.bits, answer.valid, dictionaries, answer.overflow)

    def newest(self) -> PointAnswer | None:
        """The values of the newest facts."""
        tiles, asked = self.view.tiles, self.asked
        told, missing = self.blank(asked.codes.size), _room_for_missing()
        while True:
            rows = join_rows(self.groups)
            lookups = Lookups(rows.texts, tiles.outputs, tiles.longest)
            lookup_door()(KernelRows(tiles.shape, rows.words, rows.starts, rows.key_rows, missing), lookups, Questions(asked.codes, asked.times), told)
            self.refuse_forgotten(told, asked.codes, rows)
            if told.note[0] == 0:
                return PointAnswer(told.bits, told.valid, self.texts_of(rows, told.bits, told.valid), None)
            if not self.fetch(missing[: told.note[0]]):
                return None

    def texts_of(self, rows: Rows, bits: Ints, valid: Bytes) -> dict[int, Sequence[str]]:
        """The texts that answers point to; the answers become places among them."""
        texts: dict[int, Sequence[str]] = {}
        for output, (column, place) in enumerate(self.view.tiles.outputs.tolist()):
            if place >= 0:
                links = zip(bits[output].tolist(), valid[output].tolist(), strict=True)
                bounds = [(link >> TEXT_SHIFT, (link >> TEXT_SHIFT) + (link & LENGTH_MASK)) if ok else (0, 0) for link, ok in links]
                texts[column] = [rows.payload[begin:end].decode() for begin, end in bounds]
                bits[output] = np.arange(bits.shape[1])
        return texts

    def survey(self, windows: Windows, codes: Ints, times: Ints) -> Told | None:
        """Answer from tiles, or see that all facts are at hand; None when the shard has moved on meanwhile."""
        told, missing = self.blank(codes.size), _room_for_missing()
        while True:
            rows = join_rows(self.groups)
            answer_door()(KernelRows(self.view.tiles.shape, rows.words, rows.starts, rows.key_rows, missing), windows, Questions(codes, times), told)
            self.refuse_forgotten(told, codes, rows)
            if told.note[0] == 0:
                return told
            if not self.fetch(missing[: told.note[0]]):
                return None

    def fetch(self, missing: Ints) -> bool:
        """Fetch the pages that are missing; whether they are of the commit that the roots are of."""
        wanted = sorted({tuple(page) for page in missing.tolist()}) if len(missing) > 1 else missing.tolist()
        position, pages = self.online.read(self.shard, [page_key(self.asked.names[key], level, number) for key, level, number in wanted])
        if position != self.position:
            return False
        for (key, _, _), page in zip(wanted, pages, strict=True):
            assert page is not None, "a page that a tile names is there"
            self.groups[key].append(page)
        return True

    def refuse_forgotten(self, told: Told, codes: Ints, rows: Rows) -> None:
        """Raise FEA-002 for the first question about a past that was evicted."""
        if told.note[1] < FORGOTTEN:
            return
        forgotten = np.flatnonzero(told.outcome == FORGOTTEN)
        if forgotten.size:
            directory = rows.starts[rows.key_rows[codes[forgotten[0]]] + 1]
            raise _passed(self.view, int(rows.words[directory + EVICTED]) + 1, self.asked.oldest - self.view.tiles.longest)

    def blank(self, questions: int) -> Told:
        """Room for the answers to so many questions."""
        shape = (self.view.program.tables.sizes.height, questions)
        return Told(np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.uint8), np.empty(questions, dtype=np.int64), NOTE.copy())


def _room_for_missing() -> Ints:
    return np.empty((_FETCHED_AT_ONCE, 3), dtype=np.int64)


def _passed(view: CompiledView, kept_from: Micros | None, needed_from: Micros) -> HorizonPassed:
    told = "never (no state yet)" if kept_from is None else "always" if kept_from <= -FOREVER else format_instant(kept_from)
    return HorizonPassed(view=view.view.name, kept_from=told, needed_from="always" if needed_from <= -FOREVER else format_instant(needed_from))
