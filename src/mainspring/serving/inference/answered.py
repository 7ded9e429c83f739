"""Rows that one model version answered at once for one actor, by columns."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.time import Micros
from mainspring.features.cast import RequestColumns
from mainspring.features.online.read import Value
from mainspring.serving.inference.record import PredictionRecord

__all__ = ["AnsweredRows", "group_of_one", "parse_prediction_id"]


class AnsweredRows(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of predictions that were made together; each field has one entry a row.

    Args:
        id: of the first row, and of them all: the others have it with their place behind it.
        names: of the features, in the order of the model's matrix.
        features: by column.
        at, declared_at, read_at, scores: as of `PredictionRecord`.
        latency_us: that it took for all rows.
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

    @property
    def ids(self) -> list[str]:
        """The id of each row.

        A row needs no entry of its own in the log's index so, which would take as much as its
        features.
        """
        return [self.id, *[f"{self.id}-{place}" for place in range(1, len(self.scores))]]

    def missing_in(self, rows: Sequence[int]) -> list[str]:
        """The features that one of these rows lacks: null, or NaN."""
        return [
            name
            for name, values in zip(self.names, self.features, strict=True)
            if any(values[row] is None or values[row] != values[row] for row in rows)
        ]

    def part(
        self, begin: int, rows: int, *, request: RequestColumns, id: str, actor: str
    ) -> "AnsweredRows":
        """Some of the rows as a group of their own.

        Args:
            request: of these rows.
        """
        end = begin + rows
        return msgspec.structs.replace(
            self,
            id=id,
            actor=actor,
            request=request,
            at=self.at[begin:end],
            declared_at=self.declared_at[begin:end],
            features=[values[begin:end] for values in self.features],
            read_at=self.read_at[begin:end],
            scores=self.scores[begin:end],
        )

    def records(self) -> Iterator[PredictionRecord]:
        """A record for each row."""
        rows = zip(*self.features, strict=True) if self.features else [()] * len(self.scores)
        for name, at, declared_at, request, features, read_at, score in zip(
            self.ids,
            self.at,
            self.declared_at,
            self.request.rows,
            rows,
            self.read_at,
            self.scores,
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
            )


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
