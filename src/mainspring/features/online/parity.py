"""Is what a model was trained on what it will be served?  Compare bytes: of a stream that is
replayed around some instants with a backfill, and of reads from the state that serves with a
backfill at their (L, q).
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import polars as pl

from mainspring.elements.time import Micros, format_instant
from mainspring.features.history.gather import FactReader, gather_facts
from mainspring.features.online.read import FeatureRows, Value, read_online
from mainspring.features.online.recompute import backfill_as_read, offsets_read
from mainspring.features.physical import plain_values
from mainspring.features.state.stream import materialize_view
from mainspring.features.view import CompiledView, with_lookups
from mainspring.ports.log import LogReader
from mainspring.ports.online import OnlineReader, OnlineWriter
from mainspring.ports.tables import TableReader

__all__ = [
    "ParityReport",
    "check_parity",
    "check_reads",
    "same_bytes",
    "sample_instants",
    "sample_keys",
]


class ParityReport(msgspec.Struct, frozen=True):
    """How many rows and values were compared, how many values differ in their bytes, the first that
    does, and in how many rows any does.
    """

    rows: int
    values: int
    differing: int
    example: str = ""
    rows_differing: int = 0


def sample_instants(times: Sequence[Micros], *, instants: int, seed: int) -> list[Micros]:
    """Prediction times at which to compare, without replacement, in order."""
    distinct = np.unique(np.asarray(times, dtype=np.int64))
    chosen = np.random.default_rng(seed).choice(
        distinct, size=min(instants, distinct.size), replace=False
    )
    return sorted(chosen.tolist())


def check_parity(
    views: Sequence[CompiledView],
    expected: pl.DataFrame,
    *,
    log: LogReader,
    online: OnlineWriter,
    tables: TableReader | None = None,
) -> ParityReport:
    """Fold the log into a fresh online store as at the earliest request, read every row from it,
    and compare.

    Args:
        expected: rows of a training set near each other in time: join keys, `_id`,
            `_prediction_time` and the features as backfilled.
        online: an empty store for this check alone.
        tables: where the records lie that the log does not keep any more.
    """
    # State begins with what the earliest request needs; facts after the last one matter to none of
    # them.
    times: list[Micros] = expected["_prediction_time"].cast(pl.Int64).to_list()
    for view in with_lookups(views):
        materialize_view(
            view, log=log, online=online, now=min(times), before=max(times) + 1, tables=tables
        )
    return _compared(
        expected, read_online(views, online, _keys_of(views, expected), at=times), times
    )


def check_reads(
    view: CompiledView, spine: pl.DataFrame, *, online: OnlineReader, facts_of: FactReader
) -> ParityReport:
    """Read a view for every row of a spine from the state that is there, and compare with a
    backfill at the positions that were read.

    Args:
        spine: join keys and `_prediction_time`, as for `backfill`.
        facts_of: as for `backfill_as_read`; called after the read, so that it knows at least what
            state knew.

    Raises: FEA-002 when a time lies before what state keeps, or there is no state.
    """
    times, keys = spine["_prediction_time"].to_list(), _keys_of([view], spine)
    result = read_online([view], online, keys, at=times)
    # After the read: facts that arrive in between lie beyond its positions and do not count.
    again = backfill_as_read(view, spine, offsets_read([view], result, rows=spine.height), facts_of)
    return _compared(again.with_columns(_id=_names_of(keys, spine.height)), result, times)


def sample_keys(view: CompiledView, facts_of: FactReader, *, rows: int, seed: int) -> pl.DataFrame:
    """So many keys, as random facts name them.  Shapes: (rows, join keys), none where a key is in
    no fact.
    """
    dice = np.random.default_rng(seed)
    columns: list[pl.Series] = []
    for each in with_lookups([view]):
        own = list(
            dict.fromkeys(
                key
                for entity in each.view.entities
                if entity.through is None
                for key in entity.join_keys
            )
        )
        missing = [key for key in own if key not in {column.name for column in columns}]
        facts = gather_facts(each, facts_of).select(missing)
        if missing and not facts.height:
            return pl.DataFrame(schema=facts.schema)
        columns += facts[dice.integers(facts.height, size=rows)].get_columns() if missing else []
    return pl.DataFrame(columns) if columns else pl.DataFrame({"_": [None] * rows})


def _compared(expected: pl.DataFrame, result: FeatureRows, times: Sequence[Micros]) -> ParityReport:
    """Every value that was served beside the one of the same name and row that is expected."""
    differing, example, rows = 0, "", set[int]()
    for name, values in result.columns.items():
        for index, (online, batch) in enumerate(
            zip(values, plain_values(expected[name]), strict=True)
        ):
            if not same_bytes(online, batch):
                differing += 1
                rows.add(index)
                example = example or (
                    f"{name} of {expected['_id'][index]} at "
                    f"{format_instant(times[index])}: backfilled {batch!r}, served {online!r}"
                )
    return ParityReport(
        expected.height, expected.height * len(result.columns), differing, example, len(rows)
    )


def _keys_of(views: Sequence[CompiledView], spine: pl.DataFrame) -> dict[str, list[Value]]:
    names = sorted({field.name for view in views for field in view.key_fields})
    return {name: plain_values(spine[name]) for name in names}


def _names_of(keys: Mapping[str, Sequence[Value]], rows: int) -> pl.Series:
    """What to call each row in a message: its keys."""
    parts = [[f"{name}={value}" for value in values] for name, values in keys.items()]
    names = [", ".join(row) for row in zip(*parts, strict=True)] or [""] * rows
    return pl.Series(names, dtype=pl.String)


def same_bytes(left: Value, right: Value) -> bool:
    """Equal in type and bytes: 0.0 is not -0.0, and NaN is itself."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_bytes, left, right))
    # As bytes: == would call NaN different from itself and 0.0 the same as -0.0.
    if isinstance(left, float) and isinstance(right, float):
        return np.float64(left).tobytes() == np.float64(right).tobytes()
    return type(left) is type(right) and left == right
