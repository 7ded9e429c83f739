"""Predictions put into a log, as this release does it and as earlier ones did."""

from collections.abc import Sequence

import polars as pl

from mainspring.elements.stored import pack_stored
from mainspring.ports.log import LogWriter
from mainspring.serving.inference.answered import group_of_one
from mainspring.serving.inference.group import StoredPrediction, pack_group
from mainspring.serving.inference.record import PredictionRecord

__all__ = ["append_records", "earlier_frame"]


def append_records(log: LogWriter, topic: str, records: Sequence[PredictionRecord]) -> None:
    """Log these predictions, each as a group of its own."""
    if records:
        log.append_packed(
            topic,
            [pack_group(group_of_one(record, _names(record))) for record in records],
            on_disk=False,
        )


def _names(record: PredictionRecord) -> list[str]:
    return [f"f{place}" for place in range(len(record.features))]


def earlier_frame(records: Sequence[PredictionRecord]) -> pl.DataFrame:
    """Predictions as they were logged up to format 4 of a workspace."""
    times = [record.at for record in records]
    ids = [record.id for record in records]
    packed = [
        pack_stored(
            StoredPrediction(
                id=record.id,
                version=record.version,
                map_version=record.map_version,
                at=record.at,
                declared_at=record.declared_at,
                request=record.request,
                features=record.features,
                read_at=record.read_at,
                score=record.score,
                actor=record.actor,
            )
        )
        for record in records
    ]
    return pl.DataFrame(
        {
            "_id": pl.Series(ids, dtype=pl.String),
            "_content": pl.Series(
                [name.encode()[:16].ljust(16, b"\0") for name in ids], dtype=pl.Binary
            ),
            "_op": pl.Series(["insert"] * len(ids), dtype=pl.String),
            **{
                name: pl.Series(times, dtype=pl.Int64)
                for name in ("_event_time", "_known_at", "_appended_at", "_visible_at")
            },
            "_history": pl.Series([False] * len(ids), dtype=pl.Boolean),
            "record": pl.Series(packed, dtype=pl.Binary),
        }
    )
