"""Features that are read again and again: what is the same for every read is worked out once, and
what a read works with is used by the next one.

Rows about views that answer in words (numbers, times and booleans) take the short way (`quick`):
the keys as they come, one read of the store and one call of the kernel.  Whatever else a row or a
view needs (keys to be cast, texts, pages to be fetched, partitions, keys that are looked up,
features of the request) goes by `read_online`; a law holds both equal, and what is wrong is said
there and nowhere else.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import msgspec

from mainspring.elements.time import Micros
from mainspring.features.on_demand import CompiledOnDemandView, PreparedOnDemand
from mainspring.features.online.arrays import FeatureArray, array_of_values, view_arrays
from mainspring.features.online.quick import ManyAnswers, QuickView
from mainspring.features.online.read import FeatureRows, read_online
from mainspring.features.physical import Value
from mainspring.features.requested import RequestedView, views_in
from mainspring.features.requests import (
    cast_rows,
    join_key_schema,
    refuse_duplicate_features,
    refuse_hindsight,
)
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader, Position

__all__ = ["PreparedRead"]

Row = Mapping[str, object]

_PATTERNS_KEPT = 1_024


class PreparedRead:
    """Features of some views, ready to be read.  Safe to use from several threads.

    Args:
        requested: the views, and which of their features.

    Raises: FeatureNamedTwice FEA-012, HindsightAsked FEA-013, RequestTypesUnknown FEA-073.
    """

    def __init__(self, requested: Sequence[RequestedView], online: OnlineReader) -> None:
        self._requested, self._online = tuple(requested), online
        self.views = tuple(views_in(requested))
        self.column_names = tuple(name for each in requested for name in each.columns)
        """The features, in the order in which they are answered."""
        refuse_duplicate_features(self.views)
        refuse_hindsight(self.views)
        self.keys = join_key_schema(self.views)
        """The join keys that a row must have; on-demand views read more."""
        self._on_demand = [
            PreparedOnDemand.of(each.view)
            for each in requested
            if isinstance(each.view, CompiledOnDemandView)
        ]
        quick = [QuickView.of(each, online) for each in requested]
        self._quick = [each for each in quick if each is not None]
        self._is_quick = len(self._quick) == len(quick)
        # A whole view of one entity: its words are the columns, in order.
        alone = self._quick[0] if self._is_quick and len(quick) == 1 else None
        self._alone = alone if alone is not None and alone.is_whole else None
        # What says which words are there comes behind them, and has no name.
        self._named = partial(zip, self.column_names)
        self._nulls: dict[object, dict[str, Value]] = {}

    def read_one(self, row: Row, *, at: Micros) -> dict[str, Value]:
        """The features of one row, by name.  Raises: as `read`."""
        if self._alone is not None:
            found = self._alone.read(row, at)
            if found is not None:
                words = found[0]
                answer: dict[str, Value] = dict(self._named(words))
                nulls = self._nulls.get(words[-1])
                if nulls is None:
                    nulls = self._nulls_of(words[-1])
                if nulls:
                    answer.update(nulls)
                return answer
        values = self._answer_quickly(row, at)
        if values is None:
            columns = self._read([row], at, reasons=False).columns
            return {name: values[0] for name, values in columns.items()}
        return dict(zip(self.column_names, values[0], strict=True))

    def read(self, rows: Sequence[Row], *, at: Micros, reasons: bool = False) -> FeatureRows:
        """The features of these rows, by columns, in the order in which they were asked for.

        Args:
            rows: join keys, and what on-demand views read.
            reasons: as of `read_online`.

        Raises: HorizonPassed FEA-002, MissingRequestField FEA-003, WrongRequestType FEA-004,
            FeatureOverflow FEA-001.
        """
        if len(rows) == 1 and not reasons:
            answer = self._answer_quickly(rows[0], at)
            if answer is not None:
                values, positions = answer
                return FeatureRows(
                    dict(zip(self.column_names, [[value] for value in values], strict=True)),
                    positions,
                    {},
                    {},
                )
        elif not reasons:
            answers = self._answer_many(rows, at)
            if answers is not None:
                columns = [
                    column
                    for view, found in zip(self._quick, answers, strict=True)
                    for column in view.columns(found)
                ]
                return FeatureRows(
                    dict(zip(self.column_names, columns, strict=True)),
                    {
                        view.shard: found.position
                        for view, found in zip(self._quick, answers, strict=True)
                    },
                    {},
                    {},
                )
        return self._read(rows, at, reasons=reasons)

    def read_arrays(self, rows: Sequence[Row], *, at: Micros) -> dict[str, FeatureArray]:
        """As `read`, as arrays of NumPy.  Cost: for numbers, times and booleans no Python value is
        made.
        """
        answers = self._answer_many(rows, at)
        if answers is not None:
            arrays = [
                array
                for view, answer in zip(self._quick, answers, strict=True)
                for array in view.arrays(answer)
            ]
            return dict(zip(self.column_names, arrays, strict=True))
        found: dict[str, FeatureArray] = {}
        request = cast_rows(rows, self.keys)
        times, slow = [at] * request.height, list[CompiledView]()
        for view in self.views:
            direct = view_arrays(view, self._online, request.columns, at=times)
            slow += [view] if direct is None else []
            found |= direct or {}
        read = read_online(slow, self._online, request.columns, at=times).columns
        for view in slow:
            dtypes = {field.name: field.dtype for field in view.fields}
            found |= {name: array_of_values(read[name], dtypes[name]) for name in dtypes}
        for prepared in self._on_demand:
            values = prepared.evaluate(rows)
            found |= {
                field.name: array_of_values(values[field.name], field.dtype)
                for field in prepared.fields
            }
        return {name: found[name] for name in self.column_names}

    def _read(self, rows: Sequence[Row], at: Micros, *, reasons: bool) -> FeatureRows:
        request = cast_rows(rows, self.keys)
        times = [at] * request.height
        found = read_online(self.views, self._online, request.columns, at=times, reasons=reasons)
        columns = dict(found.columns)
        for prepared in self._on_demand:
            columns |= prepared.evaluate(rows)
        return msgspec.structs.replace(
            found, columns={name: columns[name] for name in self.column_names}
        )

    def _answer_quickly(
        self, row: Row, at: Micros
    ) -> tuple[list[Value], dict[str, Position]] | None:
        """Values in the order of the columns, and how far each shard had applied the log; None
        where it takes more.
        """
        if not self._is_quick:
            return None
        values: list[Value] = []
        positions: dict[str, Position] = {}
        for view in self._quick:
            found = view.read(row, at)
            if found is None:
                return None
            words, positions[view.shard] = found
            values += view.values(words)
        return values, positions

    def _answer_many(self, rows: Sequence[Row], at: Micros) -> list[ManyAnswers] | None:
        """What each view answers, or None where it takes more."""
        if not self._is_quick or not rows or {*map(type, rows)} != {dict}:
            return None
        answers = []
        for view in self._quick:
            found = view.read_many(rows, at)
            if found is None:
                return None
            answers.append(found)
        return answers

    def _nulls_of(self, flags: object) -> dict[str, Value]:
        """The features that are not there, as they are answered; kept, since windows lie in one
        another and few of them can be empty while others are not.
        """
        found: dict[str, Value] = {
            name: None
            for name, is_there in zip(self.column_names, cast("bytes", flags), strict=True)
            if not is_there
        }
        if len(self._nulls) < _PATTERNS_KEPT:
            self._nulls[flags] = found
        return found
