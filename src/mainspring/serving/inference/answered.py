"""Rows that one model version answered at once for one actor, by columns."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from operator import ne

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.time import Micros
from mainspring.features.cast import RequestColumns
from mainspring.features.online.read import Value
from mainspring.serving.inference.errors import UNLOGGED
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference.sample import is_within_sample

__all__ = ["AnsweredRows", "group_of_one", "parse_prediction_id"]


class AnsweredRows(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of predictions that were made together; each field has one entry a row.

    Args:
        id: of the first row, and of them all: the others have it with their place behind it.
        names: of the features, in the order of the model's matrix.
        features: by column.
        at, declared_at, read_at, scores: as of `PredictionRecord`.
        classes: of them all; `probabilities`: for each row one of each class; both are empty for a
            model of one score.
        latency_us: that it took for all rows.
        provider: as of `PredictionRecord`, of them all.
        places: of each row behind the id, where some between them are not here; empty: in order.
        unlogged: the rows that are not to be logged.
    """

    id: str
    version: Digest
    map_version: int
    revision: str
    actor: str
    at: Sequence[Micros]
    declared_at: Sequence[Micros | None]
    request: RequestColumns
    names: Sequence[str]
    features: Sequence[Sequence[Value]]
    read_at: Sequence[Mapping[str, int]]
    scores: Sequence[float]
    latency_us: int
    provider: str = ""
    places: Sequence[int] = ()
    unlogged: frozenset[int] = frozenset()
    classes: Sequence[str] = ()
    probabilities: Sequence[Sequence[float]] = ()

    @property
    def ids(self) -> list[str]:
        """The id of each row; that of one that is not logged says so.

        A row needs no entry of its own in the log's index so, which would take as much as its
        features.
        """
        places = self.places or range(len(self.scores))
        names = [f"{self.id}-{place}" if place else self.id for place in places]
        if not self.unlogged:
            return names
        return [
            unlogged_id(name) if row in self.unlogged else name for row, name in enumerate(names)
        ]

    @property
    def has_logged(self) -> bool:
        """Whether some of the rows are to be logged."""
        return len(self.unlogged) < len(self.scores)

    def sampled(self, share: float) -> "AnsweredRows":
        """The same rows, of which this share is to be logged."""
        if share >= 1:
            return self
        left_out = (row for row, name in enumerate(self.ids) if not is_within_sample(name, share))
        return msgspec.structs.replace(self, unlogged=frozenset(left_out))

    def logged(self) -> "AnsweredRows | None":
        """The rows that are to be logged; None where none is."""
        if not self.unlogged:
            return self
        rows = [row for row in range(len(self.scores)) if row not in self.unlogged]
        if not rows:
            return None
        return msgspec.structs.replace(
            self,
            places=rows,
            unlogged=frozenset(),
            request=_rows_of(self.request, rows),
            at=[self.at[row] for row in rows],
            declared_at=[self.declared_at[row] for row in rows],
            features=[[values[row] for row in rows] for values in self.features],
            read_at=[self.read_at[row] for row in rows],
            scores=[self.scores[row] for row in rows],
            probabilities=[self.probabilities[row] for row in rows] if self.classes else (),
        )

    def missing(self) -> list[list[str]]:
        """The features that each row lacks: null, or NaN."""
        found: list[list[str]] = [[] for _ in self.scores]
        for name, values in zip(self.names, self.features, strict=True):
            # Most columns lack nothing, and both looks at a whole one are taken in C.
            if None in values or any(map(ne, values, values)):
                for row in _without_value(values):
                    found[row].append(name)
        return found

    def missing_in(self, rows: Sequence[int]) -> list[str]:
        """The features that one of these rows lacks."""
        found = self.missing()
        lacked = {name for row in rows for name in found[row]}
        return [name for name in self.names if name in lacked]

    def part(self, begin: int, rows: int, *, id: str, actor: str) -> "AnsweredRows":
        """Some of the rows as a group of their own, as they are when they are answered alone."""
        end = begin + rows
        return msgspec.structs.replace(
            self,
            id=id,
            actor=actor,
            request=_rows_of(self.request, range(begin, end)),
            at=self.at[begin:end],
            declared_at=self.declared_at[begin:end],
            features=[values[begin:end] for values in self.features],
            read_at=self.read_at[begin:end],
            scores=self.scores[begin:end],
            probabilities=self.probabilities[begin:end],
        )

    def records(self) -> Iterator[PredictionRecord]:
        """A record for each row."""
        rows = zip(*self.features, strict=True) if self.features else [()] * len(self.scores)
        for name, at, declared_at, request, features, read_at, score, probabilities in zip(
            self.ids,
            self.at,
            self.declared_at,
            self.request.rows,
            rows,
            self.read_at,
            self.scores,
            self.probabilities or repeat((), len(self.scores)),
            strict=True,
        ):
            yield PredictionRecord(
                id=name,
                version=self.version,
                map_version=self.map_version,
                at=at,
                declared_at=declared_at,
                request=request,
                features=list(features),
                read_at=dict(read_at),
                score=score,
                actor=self.actor,
                revision=self.revision,
                latency_us=self.latency_us,
                provider=self.provider,
                classes=self.classes,
                probabilities=probabilities,
            )


def _without_value(values: Sequence[Value]) -> Iterator[int]:
    """The rows whose value is null, or NaN, which differs from itself."""
    return (row for row, value in enumerate(values) if value is None or value != value)


def _rows_of(request: RequestColumns, rows: Sequence[int]) -> RequestColumns:
    """Some of the rows; a column that none of them has is not there."""
    at = {row: place for place, row in enumerate(rows)}
    absent = {
        name: {at[row] for row in without if row in at} for name, without in request.absent.items()
    }
    return RequestColumns(
        {
            name: [values[row] for row in rows]
            for name, values in request.columns.items()
            if len(absent.get(name, ())) < len(rows)
        },
        len(rows),
        {name: without for name, without in absent.items() if 0 < len(without) < len(rows)},
    )


def unlogged_id(prediction: str) -> str:
    """The id of a prediction that is not logged.

    >>> unlogged_id("prediction-01jd3-7")
    'unlogged-01jd3-7'
    """
    return UNLOGGED + prediction.partition("-")[2]


def group_of_one(record: PredictionRecord, names: Sequence[str]) -> AnsweredRows:
    """A prediction as one that was answered alone.

    Args:
        names: of its features.
    """
    return AnsweredRows(
        id=record.id,
        version=record.version,
        map_version=record.map_version,
        revision=record.revision,
        actor=record.actor,
        at=[record.at],
        declared_at=[record.declared_at],
        request=RequestColumns({name: [value] for name, value in record.request.items()}, 1),
        names=names,
        features=[[value] for value in record.features],
        read_at=[record.read_at],
        scores=[record.score],
        latency_us=record.latency_us,
        provider=record.provider,
        classes=record.classes,
        probabilities=[record.probabilities] if record.classes else (),
    )


def parse_prediction_id(prediction: str) -> tuple[str, int]:
    """The group that a prediction was answered in, and its place there.

    >>> parse_prediction_id("prediction-01jd3"), parse_prediction_id("prediction-01jd3-7")
    (('prediction-01jd3', 0), ('prediction-01jd3', 7))
    """
    head, _, place = prediction.rpartition("-")
    if "-" in head and place.isascii() and place.isdigit() and place[0] != "0":
        return head, int(place[:9])
    return prediction, 0
