"""Will this flight land more than 15 minutes late?  Predicted one hour before scheduled departure.

Every flight that left New York City in 2013.  A training row has what was known at its prediction
time, and nothing else: a departure once the aircraft has left,
an arrival once it has landed, a weather reading once its hour is over.
"""

import lightgbm as lgb

import mainspring as ms
from mainspring import col

# What happened, and when it could first be known: a departure or an arrival when it happens, which
# is the default.
minutes_late = ms.Float64(between=(-120, 2000))
timetable = ms.Source(
    "timetable",
    "data/timetable.parquet",
    id="flight_id",
    event_time="scheduled_departure",
    known_at="published_at",
)
departures = ms.Source(
    "departures",
    "data/departures.parquet",
    id="flight_id",
    event_time="departed_at",
    contract=ms.Contract(dep_delay=minutes_late),
)
arrivals = ms.Source(
    "arrivals",
    "data/arrivals.parquet",
    id="flight_id",
    event_time="landed_at",
    contract=ms.Contract(arr_delay=minutes_late),
)
weather = ms.Source(
    "weather",
    "data/weather.parquet",
    id=["origin", "hour"],
    event_time="hour",
    known_at=col("hour") + ms.minutes(60),
)
planes = ms.Source(
    "planes", "data/planes.parquet", id="tailnum", event_time=ms.timestamp("2013-01-01")
)

# Whom it happened to.
network, origin, carrier = (
    ms.Entity("network", join_keys=[]),
    ms.Entity("origin"),
    ms.Entity("carrier"),
)
carrier_origin = ms.Entity("carrier_origin", join_keys=["carrier", "origin"])
dest, tailnum = ms.Entity("dest"), ms.Entity("tailnum")
everyone = [network, origin, carrier, carrier_origin, dest, tailnum]
windows = ["1h", "3h", "24h", "7d"]

# What we make of it.  Columns come out as origin__delay_mean__3h; a delay beyond four hours says no
# more than four hours do.
departure_delays = ms.FeatureView(
    "departure_delays",
    source=departures,
    entities=everyone,
    windows=windows,
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
    features={"arrival_delay_mean": col("arr_delay").clip(-60, 240).mean()},
)
conditions = ms.FeatureView(
    "conditions",
    source=weather,
    entities=[origin],
    ttl="3h",
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
    prediction_time=col("scheduled_departure") - ms.hours(1),
    request=["carrier", "dest", "distance", "origin", "scheduled_departure", "tailnum"],
    label=ms.Label(
        arrivals, col("arr_delay") > 15, join_on="flight_id", missing="exclude_and_report"
    ),  # cancelled and diverted flights never land
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
        ms.gates.min_metric("roc_auc", 0.60, by="carrier", min_rows=500),
        ms.gates.beats_champion(
            "log_loss", tolerance=0.002
        ),  # not worse than the champion by more than chance and the tolerance
        ms.gates.latency(p99_ms=25),
    ],
)
def late_arrival(train, run):
    """Boosted trees.  Carriers and airports stay plain codes: splitting them as categories gained
    0.0003 of ROC AUC when it was tried.
    """
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


ms.Endpoint("late-arrival", model=late_arrival, rollout=ms.Canary(steps=[5, 25, 100], hold="10m"))
ms.Monitor(late_arrival, schedule="daily")
