"""Leakage: the same prediction as in `../flights`, with a model that looks better offline and is
worse in production.

Four choices that are easy to miss in a review:
  1. rows are built as of the departure, although the prediction is one hour earlier;
  2. windows are ordered by scheduled time, because every table has that column;
  3. the newest values are joined, known by then or not (`knowledge="as_corrected"`);
  4. so the weather of the departure hour is there, too.
With `prediction_time=col("scheduled_departure") - ms.hours(1)` the first is corrected, and the
smaller leak remains.  See docs/leakage.md.
"""

import lightgbm as lgb

import mainspring as ms
from mainspring import col

timetable = ms.Source(
    "timetable",
    "../flights/data/timetable.parquet",
    id="flight_id",
    event_time="scheduled_departure",
    known_at="published_at",
)
departures = ms.Source(
    "departures",
    "../flights/data/departures.parquet",
    id="flight_id",
    event_time="scheduled_departure",
    known_at="departed_at",
)
arrivals = ms.Source(
    "arrivals",
    "../flights/data/arrivals.parquet",
    id="flight_id",
    event_time="scheduled_departure",
    known_at="landed_at",
)
weather = ms.Source(
    "weather",
    "../flights/data/weather.parquet",
    id=["origin", "hour"],
    event_time="hour",
    known_at=col("hour") + ms.minutes(60),
)
planes = ms.Source(
    "planes", "../flights/data/planes.parquet", id="tailnum", event_time=ms.timestamp("2013-01-01")
)

network, origin, carrier = (
    ms.Entity("network", join_keys=[]),
    ms.Entity("origin"),
    ms.Entity("carrier"),
)
carrier_origin = ms.Entity("carrier_origin", join_keys=["carrier", "origin"])
dest, tailnum = ms.Entity("dest"), ms.Entity("tailnum")
everyone = [network, origin, carrier, carrier_origin, dest, tailnum]
windows = ["1h", "3h", "24h", "7d"]

departure_delays = ms.FeatureView(
    "departure_delays",
    source=departures,
    entities=everyone,
    windows=windows,
    knowledge="as_corrected",
    features={
        "delay_mean": col("dep_delay").clip(-30, 240).mean(),
        "late_share": (col("dep_delay") > 15).mean(),
        "departures": ms.count(),
    },
)
arrival_delays = ms.FeatureView(
    "arrival_delays",
    source=arrivals,
    entities=everyone,
    windows=windows,
    knowledge="as_corrected",
    features={"arrival_delay_mean": col("arr_delay").clip(-60, 240).mean()},
)
conditions = ms.FeatureView(
    "conditions",
    source=weather,
    entities=[origin],
    ttl="3h",
    knowledge="as_corrected",
    features=ms.latest("temp", "dewp", "wind_speed", "pressure", "visib"),
)
aircraft = ms.FeatureView(
    "aircraft", source=planes, entities=[tailnum], features=ms.latest("year", "seats")
)
local = col("scheduled_departure").dt.convert_time_zone("America/New_York")
schedule = ms.OnDemandFeatureView(
    "schedule",
    features={
        "minute": local.dt.hour() * 60 + local.dt.minute(),
        "weekday": local.dt.weekday(),
        "distance": col("distance"),
        "carrier": col("carrier"),
        "origin": col("origin"),
        "dest": col("dest"),
    },
)

flights = ms.TrainingSet(
    "flights",
    spine=timetable,
    prediction_time=col("scheduled_departure"),
    request=["carrier", "dest", "distance", "origin", "scheduled_departure", "tailnum"],
    label=ms.Label(
        arrivals, col("arr_delay") > 15, join_on="flight_id", missing="exclude_and_report"
    ),
    features=[schedule, conditions, aircraft, departure_delays, arrival_delays],
    split=ms.split_by_time(
        train_from="2013-01-08", test_from="2013-10-01", test_until="2014-01-01"
    ),
)


@ms.model(
    flights,
    gates=[
        ms.gates.min_metric("roc_auc", 0.758),
        ms.gates.max_metric("log_loss", 0.447),
        ms.gates.beats_champion("log_loss"),
    ],
)
def late_arrival(train, run):
    """The fit of the honest project, to the letter."""
    shape = {
        "n_estimators": 120,
        "num_leaves": 63,
        "min_child_samples": 200,
        "colsample_bytree": 0.5,
        "max_bin": 127,
    }
    run.log_params(shape)
    return lgb.LGBMClassifier(
        **shape,
        random_state=run.seed,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    ).fit(train.X, train.y)


ms.Endpoint("late-arrival", model=late_arrival)
