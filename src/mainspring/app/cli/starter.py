"""The texts of the project that `mainspring init` writes."""

__all__ = ["DECLARATIONS", "IGNORED", "SETTINGS"]

IGNORED = """# what Mainspring keeps about this machine: logs, builds, keys
.mainspring/
"""

SETTINGS = """name = "{name}"

# dev is open: apply builds and moves it.  The data that came with the project ends here, and so its
# clock starts here, each time it is opened: with data of your own leave this line out, and it is
# today.
[environments.dev]
as_of = 2024-03-31T22:30:00Z

# staging and prod take only what was promoted to them with its proofs; the keys that may sign them
# are listed by role. The key below was made on this machine: good enough to try, and to be replaced
# by that of your test runner.  `mainspring auth key` shows it.
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
"""Will this delivery take more than 40 minutes?  Asked when the order comes in."""

import lightgbm as lgb

import mainspring as ms
from mainspring import col

# Where data comes from.  Every fact has an id and a time when it happened; a delivery is known when
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

# Whom features are about: each shop, and all of them together.
shop = ms.Entity("shop")
town = ms.Entity("town", join_keys=[])

# What is made of it.  Columns come out as shop__minutes_mean__3h: the mean over the three hours
# before the question.
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

# What the model is taught: one row for each order, seeing only what was known when it came in.
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


# The model, and what it must prove before it may answer.
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


# Who may ask, and who watches.
ms.Endpoint("late-delivery", model=late_delivery)
ms.Monitor(late_delivery)
'''
