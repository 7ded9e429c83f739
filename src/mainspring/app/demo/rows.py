"""Rows to predict: flights of the timetable as a caller would send them."""

import polars as pl

from mainspring.app.demo.scene import AS_OF, Scene
from mainspring.elements.time import HOUR, format_instant, parse_instant

__all__ = ["timetable_rows"]

_COLUMNS = ("carrier", "dest", "distance", "origin", "scheduled_departure", "tailnum")


def timetable_rows(scene: Scene, count: int) -> list[dict[str, object]]:
    """The next flights that leave at least an hour after the present time of the data, each
    another one.
    """
    earliest = pl.lit(parse_instant(AS_OF) + HOUR)
    table = pl.scan_parquet(scene.honest.folder / "data" / "timetable.parquet")
    at = pl.col("scheduled_departure").to_physical()
    ordered = (
        table.filter(at >= earliest, pl.col("tailnum").is_not_null())
        .sort("scheduled_departure", "flight_id")
        .head(count)
    )
    rows = (
        ordered.select(
            pl.col(_COLUMNS).exclude("scheduled_departure"), at.alias("scheduled_departure")
        )
        .collect()
        .to_dicts()
    )
    return [
        {**row, "scheduled_departure": format_instant(row["scheduled_departure"])} for row in rows
    ]
