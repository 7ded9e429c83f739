"""The texts of the project that `mainspring init` writes."""

__all__ = ["DECLARATIONS", "IGNORED", "SETTINGS"]

IGNORED = """# local state of Mainspring: logs, builds, keys
.mainspring/
"""

SETTINGS = """name = "{name}"

# dev is open: `mainspring apply` builds in it and moves it.  The example data ends at this time, so
# the clock of dev starts here each time it is opened.  Remove this line when you use your own data:
# the clock is then the real time.
[environments.dev]
as_of = 2024-03-31T22:30:00Z

# staging and prod accept only promoted models whose attestations are signed by a trusted key.  Keys
# are listed by role.  The key below was made on this machine, which is good enough to try; replace
# it by the key of your test runner.  `mainspring auth key` shows it.
[environments.staging]
protected = true
[environments.staging.trust]
tester = ["{tester}"]

[environments.prod]
protected = true
[environments.prod.trust]
tester = []
"""

DECLARATIONS = '''\
"""Will this delivery take more than 40 minutes?  Predicted when the order comes in."""

import lightgbm as lgb

import mainspring as ms
from mainspring import col

# Sources: where data comes from.  Every fact has an id and an event time; a delivery is known when
# it happens, not when it was ordered.
orders = ms.Source(
    "orders",
    "data/orders.csv",
    id="order_id",
    event_time="ordered_at",
    contract=ms.Contract(distance_km=ms.Float64(between=(0, 50))),
)
deliveries = ms.Source(
    "deliveries", "data/deliveries.csv", id="order_id", event_time="delivered_at"
)

# Entities: what features describe; here each shop, and the town as a whole.
shop = ms.Entity("shop")
town = ms.Entity("town", join_keys=[])

# Feature views.  Columns are named like shop__minutes_mean__3h: the mean over the three hours
# before the prediction time.
pace = ms.FeatureView(
    "pace",
    source=deliveries,
    entities=[town, shop],
    windows=["1h", "3h", "24h"],
    features={"minutes_mean": col("minutes").mean(), "slow_share": (col("minutes") > 40).mean()},
)
demand = ms.FeatureView(
    "demand", source=orders, entities=[shop], windows=["1h"], features={"orders": ms.count()}
)
order = ms.OnDemandFeatureView(
    "order",
    features={"distance_km": col("distance_km"), "hour": col("ordered_at").dt.hour()},
)

# The training set: one row for each order, with the features that were known when it came in.
history = ms.TrainingSet(
    "history",
    spine=orders,
    prediction_time=col("ordered_at"),
    request=["shop", "distance_km", "ordered_at"],
    label=ms.Label(deliveries, col("minutes") > 40, join_on="order_id"),
    features=[order, pace, demand],
    split=ms.split_by_time(
        train_from="2024-03-05", test_from="2024-03-22", test_until="2024-04-01"
    ),
)


# The model, and the gates that it has to pass before it is deployed.
@ms.model(
    history,
    gates=[
        ms.gates.min_metric("roc_auc", 0.75),
        ms.gates.beats_champion("log_loss", tolerance=0.02),
        ms.gates.latency(p99_ms=50),
    ],
)
def late_delivery(train, run):
    """A few small trees."""
    shape = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 40, "seed": run.seed}
    shape |= {"num_threads": 1, "deterministic": True, "verbose": -1}
    run.log_params(shape)
    return lgb.train(shape, lgb.Dataset(train.X, train.y), num_boost_round=60)


# The endpoint that serves the model, and the monitor that watches it.
ms.Endpoint("late-delivery", model=late_delivery)
ms.Monitor(late_delivery)
'''
