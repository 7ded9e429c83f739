"""Answer requests about keys of one shard, each at its own moment: the row of each key first, then
as few further pages as the moments need.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from mainspring.elements.time import Micros, format_instant
from mainspring.features.answers import answer_values, result_values
from mainspring.features.errors import NO_STATE, FeatureOverflow, HorizonPassed
from mainspring.features.kernel.arrays import Bytes, Ints, KernelResult, Spine
from mainspring.features.kernel.program import UNBOUNDED_SPAN
from mainspring.features.kernel.tree.newest import Lookups
from mainspring.features.kernel.tree.online import NOTE, lookup_entry, point_entry
from mainspring.features.kernel.tree.packed import (
    WORST,
    blank_results,
    pack_request,
    request_entry,
)
from mainspring.features.kernel.tree.page import EVICTED, LENGTH_MASK, SIZE, TEXT_SHIFT
from mainspring.features.kernel.tree.point import (
    AMBIGUOUS,
    ANSWERED,
    EVICTED_BEFORE,
    PageRows,
    PointRequests,
    PointResults,
    WindowQuery,
)
from mainspring.features.kernel.tree.work import most_work_words
from mainspring.features.kernel.windows.aggregate import aggregate
from mainspring.features.physical import Value, dictionary_encode
from mainspring.features.state.names import STATE_LAYOUT, page_key
from mainspring.features.state.pages import StateRows, facts_of_rows, join_rows
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader, Position

__all__ = ["ShardQuery", "answer_shard", "answer_words", "fetch_rows"]

_FETCHED_AT_ONCE = 1_024
_WORD = np.dtype(np.int64)


class ShardQuery(msgspec.Struct, frozen=True):
    """Requests.

    Args:
        names: of the keys.
        codes: which key each request is about; -1 for one that names nobody.
        times: the prediction time of each.
        oldest: the earliest of the times.
    """

    names: list[bytes]
    codes: list[int]
    times: list[Micros]
    oldest: Micros


def answer_shard(
    view: CompiledView, online: OnlineReader, shard: str, query: ShardQuery
) -> tuple[list[list[Value]], Position]:
    """For each output every request's answer, all read at one position of the shard.

    Raises: FEA-001 with the request as its row, FEA-002 when a time lies before what is kept.
    """
    # A commit between two reads starts the reading over; it is rare, since most answers need one
    # read of roots and nothing else.
    while True:
        position, roots = _read_roots(view, online, shard, query)
        values = _from_roots(view, query, roots)
        if values is not None:
            return values, position
        results = _Reading.begin(
            view, online, shard, query, position=position, roots=roots
        ).answer()
        if results is not None:
            return _values_of(view, results), position


def answer_words(
    view: CompiledView, online: OnlineReader, shard: str, query: ShardQuery
) -> tuple[Ints, Position] | None:
    """The results of the entry point for requests, of a view that answers in words, and the
    position they were read at; None where the rows of the keys do not have all of the answer.

    Raises: FEA-002 when a time lies before what is kept.
    """
    position, roots = _read_roots(view, online, shard, query)
    results = _results_of_roots(view, query, roots)
    return None if results is None else (results, position)


def fetch_rows(
    view: CompiledView, online: OnlineReader, shard: str, query: ShardQuery
) -> list[list[bytes]]:
    """For each key its rows, with every fact that a request about it can see: what the slow way of
    an answer starts from.

    Raises: FEA-002 when a time lies before what is kept.
    """
    while True:
        position, roots = _read_roots(view, online, shard, query)
        reading = _Reading.begin(view, online, shard, query, position=position, roots=roots)
        if reading.run_query(view.tiles.page_query, reading.codes, reading.times) is not None:
            return reading.groups


def _read_roots(
    view: CompiledView, online: OnlineReader, shard: str, query: ShardQuery
) -> tuple[Position, list[bytes | None]]:
    """The row of each key, None for one that is not there."""
    position, roots = online.read(shard, query.names)
    if position is not None and position.layout != STATE_LAYOUT:
        # Of an earlier release: whoever folds makes it anew.
        position = None
    longest = view.tiles.longest
    needed_from = -UNBOUNDED_SPAN if longest >= UNBOUNDED_SPAN else query.oldest - longest
    # Refused, never answered from less: what lies before `kept_from` was left out on purpose.
    if position is None or needed_from < position.kept_from:
        raise _passed(view, None if position is None else position.kept_from, needed_from)
    return position, roots


def _from_roots(
    view: CompiledView, query: ShardQuery, roots: Sequence[bytes | None]
) -> list[list[Value]] | None:
    """The answer if the rows of the keys have all of it, as they mostly do: one call of the kernel
    and nothing else.
    """
    if not view.answers_words:
        return None
    assert view.words is not None
    results = _results_of_roots(view, query, roots)
    return None if results is None else result_values(view, view.words, results, len(query.codes))


def _results_of_roots(
    view: CompiledView, query: ShardQuery, roots: Sequence[bytes | None]
) -> Ints | None:
    """As the entry point for requests leaves them; None where the rows of the keys do not have all
    of the answer.
    """
    codes, rows = query.codes, [row or b"" for row in roots]
    results = blank_results(len(view.outputs), len(codes))
    words = np.frombuffer(b"".join(rows), _WORD)
    request_entry()(
        words,
        pack_request(
            codes,
            query.times,
            [len(row) >> 3 for row in rows],
            room=most_work_words(view.tiles.lanes.shape[0], words.size),
        ),
        view.tiles.packed,
        results,
    )
    # Anything but a plain answer (a page is missing, two facts tie) goes the way that can fetch.
    return None if results[WORST] else results


class _Bits(NamedTuple):
    """An answer as the kernel gives it; texts by column, in which the bits of text outputs are
    places; overflow: (request, output).
    """

    answer: KernelResult
    texts: Mapping[int, Sequence[str]]
    overflow: tuple[int, int] | None


def _values_of(view: CompiledView, results: _Bits) -> list[list[Value]]:
    if results.overflow is not None:
        request, output = results.overflow
        raise FeatureOverflow(feature=view.outputs[output].name, row=request)
    return answer_values(view, results.answer, results.texts)


class _Reading(NamedTuple):
    """One attempt to answer from the rows of each key; it fails when the shard moves on while
    further pages are fetched.

    Shapes: codes and times (requests,).
    """

    view: CompiledView
    online: OnlineReader
    shard: str
    names: Sequence[bytes]
    codes: Ints
    times: Ints
    position: Position
    groups: list[list[bytes]]

    @classmethod
    def begin(
        cls,
        view: CompiledView,
        online: OnlineReader,
        shard: str,
        query: ShardQuery,
        *,
        position: Position,
        roots: Sequence[bytes | None],
    ) -> "_Reading":
        """With the row of each key read."""
        groups = [[row] if row else [] for row in roots]
        return cls(
            view,
            online,
            shard,
            query.names,
            np.array(query.codes, _WORD),
            np.array(query.times, _WORD),
            position,
            groups,
        )

    def answer(self) -> _Bits | None:
        """The answer, or None when another attempt is needed."""
        match self.view.tiles.kind:
            case "sums":
                return self.from_tiles()
            case "newest":
                return self.newest()
            case "facts":
                return self.from_facts(np.arange(self.codes.size))

    def from_tiles(self) -> _Bits | None:
        """Sums of tiles, and of facts where a window's edge lies in a page."""
        results = self.run_query(self.view.tiles.windows, self.codes, self.times)
        if results is None:
            return None
        answer = KernelResult(results.bits, results.valid, NOTE)
        if results.note[1] == ANSWERED:
            return _Bits(answer, {}, None)
        # Only the requests that tiles could not decide are swept; the others keep their answers.
        requests = np.flatnonzero(results.outcome >= AMBIGUOUS)
        exact = self.from_facts(requests)
        if exact is None:
            return None
        answer.bits[:, requests], answer.valid[:, requests] = (
            exact.answer.bits,
            exact.answer.valid,
        )
        return _Bits(
            answer, {}, exact.overflow and (int(requests[exact.overflow[0]]), exact.overflow[1])
        )

    def from_facts(self, requests: Ints) -> _Bits | None:
        """The answers to these requests from all facts that they may see, in total order."""
        view, codes, times = self.view, self.codes[requests], self.times[requests]
        if self.run_query(view.tiles.page_query, codes, times) is None:
            return None
        facts, texts = facts_of_rows(self.groups, view.tiles)
        dictionaries: dict[int, Sequence[str]] = {}
        for index, column in enumerate(view.text_columns):
            present = facts.valid[column].tolist()
            # State keeps texts, not codes: a code would depend on the batch that it was made in.
            facts.values[column], dictionaries[column] = dictionary_encode(
                [
                    text[index].decode() if ok else None
                    for text, ok in zip(texts, present, strict=True)
                ]
            )
        answer = aggregate(view.program, facts, Spine(codes, times))
        return _Bits(answer, dictionaries, answer.overflow)

    def newest(self) -> _Bits | None:
        """The values of the newest facts."""
        tiles = self.view.tiles
        results, missing = self.blank(self.codes.size), _room_for_missing()
        while True:
            rows = join_rows(self.groups)
            lookups = Lookups(rows.texts, tiles.outputs, tiles.longest)
            lookup_entry()(
                PageRows(tiles.shape, rows.words, rows.starts, rows.key_rows, missing),
                lookups,
                PointRequests(self.codes, self.times),
                results,
            )
            self.refuse_evicted(results, self.codes, rows)
            if results.note[0] == 0:
                return _Bits(
                    KernelResult(results.bits, results.valid, NOTE),
                    self.texts_of(rows, results.bits, results.valid),
                    None,
                )
            if not self.fetch(missing[: results.note[0]]):
                return None

    def texts_of(self, rows: StateRows, bits: Ints, valid: Bytes) -> dict[int, Sequence[str]]:
        """The texts that answers point to; the answers become places among them."""
        texts: dict[int, Sequence[str]] = {}
        for output, (column, index) in enumerate(self.view.tiles.outputs.tolist()):
            if index >= 0:
                links = zip(bits[output].tolist(), valid[output].tolist(), strict=True)
                bounds = [
                    (link >> TEXT_SHIFT, (link >> TEXT_SHIFT) + (link & LENGTH_MASK))
                    if ok
                    else (0, 0)
                    for link, ok in links
                ]
                texts[column] = [rows.payload[begin:end].decode() for begin, end in bounds]
                bits[output] = np.arange(bits.shape[1])
        return texts

    def run_query(self, windows: WindowQuery, codes: Ints, times: Ints) -> PointResults | None:
        """Answer from tiles, or see that all facts are read; None when the shard has moved on
        meanwhile.
        """
        results, missing = self.blank(codes.size), _room_for_missing()
        while True:
            rows = join_rows(self.groups)
            point_entry()(
                PageRows(self.view.tiles.shape, rows.words, rows.starts, rows.key_rows, missing),
                windows,
                PointRequests(codes, times),
                results,
            )
            # Before fetching: a request about an evicted past would list pages that are gone.
            self.refuse_evicted(results, codes, rows)
            if results.note[0] == 0:
                return results
            if not self.fetch(missing[: results.note[0]]):
                return None

    def fetch(self, missing: Ints) -> bool:
        """Fetch the pages that are missing; whether they are of the commit that the roots are
        of.
        """
        wanted = (
            sorted({tuple(page) for page in missing.tolist()})
            if len(missing) > 1
            else missing.tolist()
        )
        position, pages = self.online.read(
            self.shard, [page_key(self.names[key], level, number) for key, level, number in wanted]
        )
        # The shard has moved on: pages of another commit beside these roots could count a fact
        # twice.
        if position != self.position:
            return False
        for (key, _, _), page in zip(wanted, pages, strict=True):
            assert page is not None, "a page that a tile names is there"
            self.groups[key].append(page)
        return True

    def refuse_evicted(self, results: PointResults, codes: Ints, rows: StateRows) -> None:
        """Raise FEA-002 for the first request about a past that was evicted."""
        if results.note[1] < EVICTED_BEFORE:
            return
        evicted = np.flatnonzero(results.outcome == EVICTED_BEFORE)
        if evicted.size:
            head = rows.starts[rows.key_rows[codes[evicted[0]]]]
            directory = head + rows.words[head + SIZE]
            raise _passed(
                self.view,
                int(rows.words[directory + EVICTED]) + 1,
                int(self.times.min()) - self.view.tiles.longest,
            )

    def blank(self, requests: int) -> PointResults:
        """Room for the answers to so many requests."""
        shape = (self.view.program.tables.sizes.height, requests)
        return PointResults(
            np.empty(shape, dtype=np.int64),
            np.empty(shape, dtype=np.uint8),
            np.empty(requests, dtype=np.int64),
            NOTE.copy(),
        )


def _room_for_missing() -> Ints:
    return np.empty((_FETCHED_AT_ONCE, 3), dtype=np.int64)


def _passed(view: CompiledView, kept_from: Micros | None, needed_from: Micros) -> HorizonPassed:
    results = (
        NO_STATE
        if kept_from is None
        else "always"
        if kept_from <= -UNBOUNDED_SPAN
        else format_instant(kept_from)
    )
    return HorizonPassed(
        view=view.view.name,
        kept_from=results,
        needed_from="always" if needed_from <= -UNBOUNDED_SPAN else format_instant(needed_from),
    )
