"""Fraud is reported weeks later, and that a payment was honest is never reported at all."""

import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.datasets.build import parse_training_rows
from mainspring.elements.time import parse_instant, to_micros
from mainspring.registry.environment import Build
from mainspring.registry.read_environment import read_build, read_environment
from mainspring.testing import FrozenClock

START = datetime(2024, 1, 1, tzinfo=UTC)
TEST_FROM = parse_instant("2024-03-01")
DAYS, PER_DAY = 100, 12
payments = ms.Source(
    "payments",
    id="payment",
    event_time="paid_at",
    contract=ms.Contract(payment=ms.Int64(), paid_at=ms.Timestamp(), amount=ms.Float64()),
)
chargebacks = ms.Source(
    "chargebacks",
    id="case",
    event_time="paid_at",
    known_at="reported_at",
    contract=ms.Contract(
        case=ms.Int64(), payment=ms.Int64(), paid_at=ms.Timestamp(), reported_at=ms.Timestamp()
    ),
)
history = ms.TrainingSet(
    "history",
    spine=payments,
    prediction_time=col("paid_at"),
    request=["payment", "amount"],
    label=ms.Label(
        chargebacks,
        col("case").is_not_null(),
        join_on="payment",
        missing="negative",
        horizon="30d",
    ),
    features=[ms.OnDemandFeatureView("form", features={"size": col("amount")})],
    split=ms.split_by_time(
        train_from="2024-01-01", test_from="2024-03-01", test_until="2024-04-10"
    ),
)


@ms.model(history)
def fraud(train, run):
    return LogisticRegression().fit(train.X, train.y)


def at(day: float) -> str:
    return f"{START + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


def world() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Payments, and the chargebacks of the large ones: after a week, or too late to count."""
    dice, paid, reported = random.Random(3), list[dict[str, object]](), list[dict[str, object]]()
    for payment in range(DAYS * PER_DAY):
        day, amount = payment / PER_DAY, dice.lognormvariate(0, 1)
        paid.append({"payment": payment, "paid_at": at(day), "amount": amount})
        if amount + dice.gauss(0, 1.5) > 3:
            after = 40 if payment % 5 == 0 else 7
            told = {"paid_at": at(day), "reported_at": at(day + after)}
            reported.append({"case": payment, "payment": payment, **told})
    return paid, reported


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(to_micros(START + timedelta(days=DAYS)))


@pytest.fixture
def workspace(clock: FrozenClock) -> Workspace:
    declared = [ms.Endpoint("fraud", model=fraud), ms.Monitor(fraud, name="watch")]
    opened = Workspace.in_memory(declared, clock=clock)
    paid, reported = world()
    opened.ingest("payments", paid, history=True)
    opened.ingest("chargebacks", reported, history=True)
    assert opened.apply().moved
    return opened


def rows_of(workspace: Workspace) -> pl.DataFrame:
    """The training rows as they were built."""
    runtime = workspace.runtime
    pointer = read_environment(runtime.state, "dev").pointers["training_set.history"]
    build = read_build(runtime.state, "training_set.history", pointer.build_fingerprint)
    assert isinstance(build, Build)
    return parse_training_rows(runtime.objects.read(build.digest))


def test_no_row_is_fitted_before_its_horizon_has_passed(workspace: Workspace) -> None:
    rows, horizon = rows_of(workspace), 30 * 86_400_000_000
    fitted = rows.filter(pl.col("_split") == "fit")
    assert fitted.height == 30 * PER_DAY + 1
    assert (fitted["_prediction_time"] + horizon).max() == TEST_FROM
    assert (fitted["_label_known_at"] <= TEST_FROM).all()
    early = rows.filter(pl.col("_label") & (pl.col("_prediction_time") + horizon > TEST_FROM))
    assert early.height
    assert not (early["_split"] == "fit").any()


def test_a_row_whose_horizon_has_not_passed_has_no_label_whatever_came(
    workspace: Workspace, clock: FrozenClock
) -> None:
    rows, horizon = rows_of(workspace), 30 * 86_400_000_000
    is_open = rows["_prediction_time"] + horizon > clock.now()
    assert rows.filter(is_open)["_label"].null_count() == is_open.sum() > 300
    assert rows.filter(~is_open)["_label"].null_count() == 0


def test_a_report_that_comes_after_the_horizon_leaves_the_payment_honest(
    workspace: Workspace,
) -> None:
    labels = dict(rows_of(workspace).select("payment", "_label").iter_rows())
    decided = [r for r in world()[1] if labels[r["payment"]] is not None]
    assert {labels[r["payment"]] for r in decided if int(str(r["payment"])) % 5 == 0} == {False}
    assert {labels[r["payment"]] for r in decided if int(str(r["payment"])) % 5} == {True}


def test_the_monitor_waits_for_the_horizon_as_training_does(
    workspace: Workspace, clock: FrozenClock
) -> None:
    asked = [{"payment": 10_000 + n, "amount": 1.0} for n in range(60)]
    workspace.predict("fraud", asked)
    clock.advance(10 * 86_400_000_000)
    case = {"paid_at": at(DAYS), "reported_at": at(DAYS + 10)}
    workspace.ingest(
        "chargebacks", [{"case": 10_000 + n, "payment": 10_000 + n, **case} for n in range(15)]
    )
    assert workspace.monitors.run("watch").latest_labelled is None
    clock.advance(21 * 86_400_000_000)
    day = workspace.monitors.run("watch").latest_labelled
    assert day is not None
    assert (day.rows, day.label_rate) == (60, 0.25)


def test_a_simulation_waits_for_the_horizon_too(workspace: Workspace) -> None:
    report = workspace.simulate(start="2024-03-05", days=3)
    assert report.labelled == report.predictions == 3 * PER_DAY
