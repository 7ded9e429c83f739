"""Will this bike stay out for more than 40 minutes?  Asked when it is taken."""

import lightgbm as lgb

import mainspring as ms
from mainspring import col

# Where data comes from.  A ride is known when the bike is back, rain half an hour after its hour.
minutes = ms.Contract(minutes=ms.Float64(between=(0, 1440)))
rentals = ms.Source("rentals", "data/rentals.csv", id="ride", event_time="taken_at")
returns = ms.Source(
    "returns", "data/returns.csv", id="ride", event_time="returned_at", contract=minutes
)
stations = ms.Source(
    "stations", "data/stations.parquet", id="station", event_time=ms.timestamp("2025-01-01")
)
rain = ms.Source(
    "rain", "data/rain.csv", id="hour", event_time="hour", known_at=col("hour") + ms.minutes(30)
)

# Whom features are about: everybody, a station, all stations of a district, a rider.
city, station, rider = ms.Entity("city", join_keys=[]), ms.Entity("station"), ms.Entity("rider")
places = ms.FeatureView(
    "places", source=stations, entities=[station], features=ms.latest("docks", "district")
)
district = ms.Entity("district", through=places)

# What is made of it.  All edges of windows lie in the night, when nobody rides.
rides = ms.FeatureView(
    "rides",
    source=returns,
    entities=[city, station, district],
    windows=["1d", "3d", "7d"],
    features={
        "minutes_mean": col("minutes").mean(),
        "minutes_max": col("minutes").max(),
        "long_share": (col("minutes") > 40).mean(),
        "rides": ms.count(),
    },
)
habits = ms.FeatureView(
    "habits",
    source=returns,
    entities=[rider],
    windows=["7d", "unbounded"],
    features={
        "minutes_std": col("minutes").std(),
        "minutes_median": col("minutes").quantile(0.5),
        "last_minutes": col("minutes").last_k(3),
        "stations": col("station").count_distinct(),
        "districts": col("district").value_counts(["hill", "river"]),
        "about_stations": col("station").approx_count_distinct(),
        "recent_minutes": col("minutes").ewma(half_life="2d"),
        "idle": col("minutes").time_since_last(),
    },
)
weather = ms.FeatureView(
    "weather", source=rain, entities=[city], ttl="3h", features=ms.latest("millimetres")
)
moment = ms.OnDemandFeatureView(
    "moment",
    features={
        "hour": col("taken_at").dt.hour(),
        "weekday": col("taken_at").dt.weekday(),
        "is_member": col("is_member"),
        "station": col("station"),
    },
)

history = ms.TrainingSet(
    "history",
    spine=rentals,
    prediction_time=col("taken_at"),
    request=["is_member", "station", "taken_at"],
    label=ms.Label(
        returns, col("minutes") > 40, join_on="ride", missing="exclude_and_report"
    ),  # some bikes never come back
    features=[moment, places, rides, weather],
    split=ms.split_by_time(
        train_from="2025-05-04", test_from="2025-05-20", test_until="2025-05-29"
    ),
)


@ms.model(
    history,
    gates=[
        ms.gates.min_metric("roc_auc", 0.6),
        ms.gates.beats_champion("log_loss", tolerance=0.1),
        ms.gates.latency(p99_ms=1000),
    ],
)
def long_ride(train, run):
    """A few small trees."""
    shape = {"objective": "binary", "num_leaves": 7, "min_data_in_leaf": 15, "seed": run.seed}
    run.log_params(shape)
    quiet = {"num_threads": 1, "deterministic": True, "verbose": -1}
    return lgb.train(shape | quiet, lgb.Dataset(train.X, train.y), num_boost_round=16)


ms.Endpoint("long-ride", model=long_ride, rollout=ms.Canary(steps=[5, 25, 100], hold="10m"))
ms.Monitor(long_ride, schedule="daily")
