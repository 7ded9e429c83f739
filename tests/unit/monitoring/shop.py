"""A shop in memory: a model that an endpoint answers with and a monitor evaluates each hour."""

from dataclasses import replace

from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.elements.time import parse_instant
from mainspring.ports.clock import Clock
from mainspring.ports.log import LogWriter
from mainspring.serving.inference_log import inference_topic

__all__ = [
    "INFERENCE",
    "MONITOR",
    "NOON",
    "SALES",
    "ask",
    "open_shop",
    "retrained",
    "sale",
]

MONITOR, NOON = "late-monitor", parse_instant("2024-05-05T12:00:00Z")
INFERENCE = inference_topic("dev", "late")
SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.String(), shop=ms.String(), at=ms.Timestamp(), amount=ms.Float64()
    ),
)
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[ms.Entity("shop")],
    windows=["1d"],
    features={"amount": col("amount").sum()},
)
TRIPS = ms.TrainingSet(
    "trips",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop"],
    label=ms.Label(SALES, col("amount") > 1, join_on="sale"),
    features=[TAKINGS],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)


@ms.model(TRIPS)
def late(train, run):
    return LogisticRegression().fit(train.X, train.y)


def open_shop(clock: Clock, log: LogWriter) -> Workspace:
    """The shop after four days, its first model applied."""
    declared = [ms.Endpoint("late", model=late), ms.Monitor(late, schedule="hourly")]
    empty = Workspace.in_memory(declared, clock=clock)
    shop = Workspace(empty.project, replace(empty.runtime, log=log), environment="dev", folder=None)
    history = [
        sale(hour, f"2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z", 2.0 * (hour % 3 == 1))
        for hour in range(96)
    ]
    shop.ingest("sales", history, history=True)
    assert shop.apply().moved
    return shop


def retrained(shop: Workspace) -> Workspace:
    """The shop with another model in charge."""
    other = ms.model(TRIPS, name="late", seed=1)(late.fit)
    declared = [ms.Endpoint("late", model=other), ms.Monitor(other, schedule="hourly")]
    project = Workspace.in_memory(declared).project
    shop = Workspace(project, shop.runtime, environment="dev", folder=None)
    assert shop.apply().moved
    return shop


def ask(shop: Workspace, *sales: int) -> None:
    """A prediction about each of these sales, each asked for alone."""
    for number in sales:
        shop.predict("late", {"shop": "a", "sale": f"№ {number}"})


def sale(number: int, at: str, amount: float) -> dict[str, object]:
    """A fact, and the label of its own prediction."""
    return {"sale": f"№ {number}", "shop": "aab"[number % 3], "at": at, "amount": amount}
