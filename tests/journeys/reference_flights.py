"""The worked example's features, computed a second time in Polars and NumPy: the answer that the
engine is held against.

Nothing of Mainspring is imported.  A window is found by binary search in events sorted by entity
and time, and a sum is a difference of prefix sums: exact here, and here only, because every delay
is a whole number of minutes.  Visible time equals event time for departures and arrivals, so a
window that ends before the prediction time sees nothing too early.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
from sklearn.metrics import log_loss, roc_auc_score

HOUR_US = 3_600_000_000
ENTITIES = {
    "network": [],
    "origin": ["origin"],
    "carrier": ["carrier"],
    "carrier_origin": ["carrier", "origin"],
    "dest": ["dest"],
    "tailnum": ["tailnum"],
}
WINDOWS = {"1h": HOUR_US, "3h": 3 * HOUR_US, "24h": 24 * HOUR_US, "7d": 168 * HOUR_US}
READINGS = ["temp", "dewp", "wind_speed", "pressure", "visib"]
CATEGORIES = ["carrier", "origin", "dest"]
TREES = {
    "n_estimators": 120,
    "num_leaves": 63,
    "min_child_samples": 200,
    "colsample_bytree": 0.5,
    "max_bin": 127,
}
TRAIN_FROM, TEST_FROM, TEST_UNTIL = (
    datetime(*day, tzinfo=UTC) for day in ((2013, 1, 8), (2013, 10, 1), (2014, 1, 1))
)


@dataclass(frozen=True)
class Events:
    """Rows of one source, the column that orders them in time, and the values that are summed over
    a window (none of them null).
    """

    rows: pl.DataFrame
    event_time: str
    count: str
    values: dict[str, pl.Expr]


@dataclass(frozen=True)
class Fitted:
    """A model and the texts that it was taught, by feature."""

    model: lgb.LGBMClassifier
    vocabulary: dict[str, list[str]]


@dataclass(frozen=True)
class Figures:
    """How a model does on October to December."""

    roc_auc: float
    log_loss: float


def departure_events(rows: pl.DataFrame, event_time: str) -> Events:
    """Departures with their clipped delay and whether they were late."""
    delay = pl.col("dep_delay")
    return Events(
        rows,
        event_time,
        "departures",
        {"delay_mean": delay.clip(-30, 240), "late_share": (delay > 15).cast(pl.Float64)},
    )


def arrival_events(rows: pl.DataFrame, event_time: str) -> Events:
    """Arrivals with their clipped delay."""
    return Events(
        rows, event_time, "arrivals", {"arrival_delay_mean": pl.col("arr_delay").clip(-60, 240)}
    )


def read_tables(data: Path) -> dict[str, pl.DataFrame]:
    """The five Parquet tables by name."""
    return {path.stem: pl.read_parquet(path) for path in sorted(data.glob("*.parquet"))}


def spine_with_labels(tables: dict[str, pl.DataFrame], *, hours_before: int = 1) -> pl.DataFrame:
    """Every scheduled flight in the timetable's order: its prediction time, `is_late` (null where
    it never landed), and when that was known.
    """
    labels = tables["arrivals"].select(
        "flight_id", is_late=pl.col("arr_delay") > 15, label_known_at="landed_at"
    )
    spine = tables["timetable"].with_columns(
        prediction_time=pl.col("scheduled_departure").dt.offset_by(f"-{hours_before}h")
    )
    return spine.join(labels, on="flight_id", how="left", maintain_order="left")


def honest_features(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The features of `examples/flights` by the engine's names and in its order, one row per flight
    in the timetable's order.
    """
    spine = spine_with_labels(tables)
    departures, arrivals = (
        departure_events(tables["departures"], "departed_at"),
        arrival_events(tables["arrivals"], "landed_at"),
    )
    return _side_by_side(
        spine,
        [weather_features(spine, tables["weather"]), plane_features(spine, tables["planes"])],
        departures,
        arrivals,
    )


def leaky_features(tables: dict[str, pl.DataFrame], *, hours_before: int) -> pl.DataFrame:
    """The features of `examples/flights_leaky`: windows by scheduled time, whatever was known;
    asked so long before departure.
    """
    spine = spine_with_labels(tables, hours_before=hours_before)
    weather = weather_features(spine, tables["weather"], known_after_minutes=0)
    departures = departure_events(tables["departures"], "scheduled_departure")
    arrivals = arrival_events(tables["arrivals"], "scheduled_departure")
    return _side_by_side(
        spine, [weather, plane_features(spine, tables["planes"])], departures, arrivals
    )


def schedule_features(spine: pl.DataFrame) -> pl.DataFrame:
    """What the timetable alone says, on New York's clock."""
    local = pl.col("scheduled_departure").dt.convert_time_zone("America/New_York")
    minute = local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute().cast(pl.Int32)
    return spine.select(
        minute=minute,
        weekday=local.dt.weekday(),
        distance="distance",
        carrier="carrier",
        origin="origin",
        dest="dest",
    )


def weather_features(
    spine: pl.DataFrame, weather: pl.DataFrame, *, known_after_minutes: int = 60, ttl: str = "3h"
) -> pl.DataFrame:
    """The newest reading at the origin that was known at the prediction time, came before it, and
    is younger than `ttl`; null where there is none.
    """
    known_at = pl.col("hour").dt.offset_by(f"{known_after_minutes}m")
    facts = weather.with_columns(
        seen=pl.max_horizontal(known_at, pl.col("hour").dt.offset_by("1us"))
    ).sort("seen")
    asked = spine.select("origin", "prediction_time").with_row_index("row").sort("prediction_time")
    found = asked.join_asof(
        facts, left_on="prediction_time", right_on="seen", by="origin", check_sortedness=False
    ).sort("row")
    fresh = pl.col("prediction_time") < pl.col("hour").dt.offset_by(ttl)
    return found.select(
        pl.when(fresh).then(pl.col(name)).alias(f"origin__{name}") for name in READINGS
    )


def plane_features(spine: pl.DataFrame, planes: pl.DataFrame) -> pl.DataFrame:
    """Year of manufacture and seats; null for aircraft that nobody registered."""
    found = spine.join(
        planes.select("tailnum", "year", "seats"), on="tailnum", how="left", maintain_order="left"
    )
    return found.select(tailnum__year="year", tailnum__seats="seats")


def window_features(spine: pl.DataFrame, events: Events) -> pl.DataFrame:
    """`entity__feature__window` for every entity and window: how many events, and the means, over
    `[prediction_time - window, prediction_time)`.
    """
    columns = {
        name: column for entity in ENTITIES for name, column in _iter_columns(spine, events, entity)
    }
    return pl.DataFrame(columns, nan_to_null=True)


def fit(features: pl.DataFrame, spine: pl.DataFrame) -> Fitted:
    """The model of the example, on flights of January to September whose fate was known before
    October.
    """
    known, asked = (
        pl.col("label_known_at") <= TEST_FROM,
        pl.col("prediction_time").is_between(TRAIN_FROM, TEST_FROM, closed="left"),
    )
    rows = spine.select((known & asked).fill_null(False)).to_series()
    vocabulary = {
        name: features.filter(rows)[name].unique().sort().to_list() for name in CATEGORIES
    }
    model = lgb.LGBMClassifier(
        **TREES, random_state=0, n_jobs=1, deterministic=True, force_row_wise=True, verbose=-1
    )
    return Fitted(
        model.fit(
            _matrix(features.filter(rows), vocabulary), spine.filter(rows)["is_late"].to_numpy()
        ),
        vocabulary,
    )


def judge(fitted: Fitted, features: pl.DataFrame, spine: pl.DataFrame) -> Figures:
    """How well the model ranks and calibrates on October to December, flights that never landed
    left out.
    """
    asked = pl.col("prediction_time").is_between(TEST_FROM, TEST_UNTIL, closed="left")
    rows = spine.select(asked & pl.col("is_late").is_not_null()).to_series()
    truth = spine.filter(rows)["is_late"].to_numpy()
    probability = fitted.model.booster_.predict(
        _matrix(features.filter(rows), fitted.vocabulary), num_threads=1
    )
    return Figures(float(roc_auc_score(truth, probability)), float(log_loss(truth, probability)))


def _side_by_side(
    spine: pl.DataFrame, looked_up: list[pl.DataFrame], departures: Events, arrivals: Events
) -> pl.DataFrame:
    landed = window_features(spine, arrivals).select(pl.exclude("^.*__arrivals__.*$"))
    return pl.concat(
        [schedule_features(spine), *looked_up, window_features(spine, departures), landed],
        how="horizontal",
    )


def _matrix(features: pl.DataFrame, vocabulary: dict[str, list[str]]) -> np.ndarray:
    """Numbers with NaN for null; a text is its place in the vocabulary."""
    codes = [
        pl.col(name).cast(pl.Enum(texts), strict=False).to_physical()
        for name, texts in vocabulary.items()
    ]
    return features.with_columns(codes).cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _iter_columns(
    spine: pl.DataFrame, events: Events, entity: str
) -> Iterator[tuple[str, np.ndarray]]:
    asked, happened = _codes(spine, events.rows, ENTITIES[entity])
    q, times = _micros(spine["prediction_time"]), _micros(events.rows[events.event_time])
    order = np.lexsort((times, happened))
    line = _on_one_line(happened[order], times[order])
    sums = {
        name: _prefix_sums(events.rows.select(value).to_series().to_numpy()[order])
        for name, value in events.values.items()
    }
    end = np.searchsorted(line, _on_one_line(asked, q), side="left")
    sizes = {
        window: np.where(
            asked < 0, 0, end - np.searchsorted(line, _on_one_line(asked, q - span), side="left")
        )
        for window, span in WINDOWS.items()
    }
    for name, total in sums.items():
        for window, size in sizes.items():
            mean = np.full(size.size, np.nan)
            np.divide(total[end] - total[end - size], size, out=mean, where=size > 0)
            yield f"{entity}__{name}__{window}", mean
    for window, size in sizes.items():
        yield f"{entity}__{events.count}__{window}", size


def _codes(
    spine: pl.DataFrame, rows: pl.DataFrame, keys: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """One integer per entity, the same in both frames; -1 where a key is null."""
    if not keys:
        return np.zeros(spine.height, np.int64), np.zeros(rows.height, np.int64)
    both = pl.concat([spine.select(keys), rows.select(keys)])
    known = pl.all_horizontal(pl.col(keys).is_not_null())
    codes = (
        both.select(pl.when(known).then(pl.struct(keys).rank("dense").cast(pl.Int64)).otherwise(-1))
        .to_series()
        .to_numpy()
    )
    return codes[: spine.height], codes[spine.height :]


def _micros(times: pl.Series) -> np.ndarray:
    return times.dt.epoch("us").to_numpy()


def _on_one_line(codes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Entity and time as one sortable integer: minutes since 2012, far apart for two entities."""
    return (codes << 32) + (times // 60_000_000 - 22_089_600)


def _prefix_sums(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(values)])
