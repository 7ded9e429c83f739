"""Is what a model was taught what it will be told?  Replay the stream around some instants and compare bytes with the backfill."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from mainspring.elements.time import Micros, format_instant
from mainspring.features.pattern import plain_values
from mainspring.features.read import Row, Value, read_online
from mainspring.features.stream import fold_view
from mainspring.features.view import CompiledView, with_lookups
from mainspring.ports.log import LogReader
from mainspring.ports.online import OnlineWriter
from mainspring.ports.tables import TableReader

__all__ = ["ParityReport", "check_parity", "sample_instants"]


class ParityReport(msgspec.Struct, frozen=True):
    """How many rows and values were compared, how many differ in their bytes, and the first that does."""

    rows: int
    values: int
    differing: int
    example: str = ""


def sample_instants(times: Sequence[Micros], *, instants: int, seed: int) -> list[Micros]:
    """Prediction times at which to compare, without replacement, in order."""
    distinct = np.unique(np.asarray(times, dtype=np.int64))
    chosen = np.random.default_rng(seed).choice(distinct, size=min(instants, distinct.size), replace=False)
    return sorted(chosen.tolist())


def check_parity(
    views: Sequence[CompiledView], expected: pl.DataFrame, *, log: LogReader, online: OnlineWriter, tables: TableReader | None = None
) -> ParityReport:
    """Fold the log into a fresh online store as at the earliest question, read every row from it, and compare.

    Args:
        expected: rows of a training set near each other in time: join keys, `_id`, `_prediction_time` and the features as backfilled.
        online: an empty store for this check alone.
        tables: where the records lie that the log does not keep any more.
    """
    times: list[Micros] = expected["_prediction_time"].cast(pl.Int64).to_list()
    for view in with_lookups(views):
        fold_view(view, log=log, online=online, now=min(times), before=max(times) + 1, tables=tables)
    columns = {name: plain_values(expected[name]) for name in expected.columns}
    answer = read_online(views, online, _requests(views, expected), at=times)
    differing, example = 0, ""
    for name, values in answer.columns.items():
        for place, (told, taught) in enumerate(zip(values, columns[name], strict=True)):
            if not _same(told, taught):
                differing += 1
                example = example or f"{name} of {expected['_id'][place]} at {format_instant(times[place])}: taught {taught!r}, told {told!r}"
    return ParityReport(expected.height, expected.height * len(answer.columns), differing, example)


def _requests(views: Sequence[CompiledView], expected: pl.DataFrame) -> list[Row]:
    keys = expected.select(sorted({field.name for view in views for field in view.key_fields}))
    rows: list[Row] = [{}] * expected.height
    return list(keys.with_columns(pl.selectors.temporal().to_physical()).iter_rows(named=True)) if keys.width else rows


def _same(left: Value, right: Value) -> bool:
    """Equal in type and bytes: 0.0 is not -0.0, and NaN is itself."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return np.float64(left).tobytes() == np.float64(right).tobytes()
    return type(left) is type(right) and left == right
