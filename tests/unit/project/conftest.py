"""A small project on disk, as a user would write it: orders of a shop, and whether they come
back.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

import mainspring as ms
from tests.unit.project.desk import copied, edited, write_desk

SHOP = '''"""Will this order be returned?"""
import mainspring as ms
from mainspring import col
from mainspring.gates.spec import min_metric

MARGIN = 0.5

orders = ms.Source("orders", "orders.csv", id="order_id", event_time="ordered_at")
returns = ms.Source("returns", "returns.csv", id="order_id", event_time="returned_at", \
known_at=ms.assumed_delay("2h"))
customer = ms.Entity("customer")
spending = ms.FeatureView(
    "spending", source=orders, entities=[customer], windows=["1h", "7d"], \
features={"amount_sum": col("amount").clip(0, 100).sum()}
)
basket = ms.OnDemandFeatureView("basket", features={"cheap": col("amount") < 10})
history = ms.TrainingSet(
    "history",
    spine=orders,
    prediction_time=col("ordered_at") + ms.minutes(1),
    request=["customer", "amount"],
    label=ms.Label(returns, col("refund") > 0, join_on="order_id"),
    features=[basket, spending],
    split=ms.split_by_time(train_from="2024-01-01", test_from="2024-02-01", \
test_until="2024-03-01"),
)


def scaled(value):
    return value * MARGIN


@ms.model(history, gates=[min_metric("roc_auc", 0.7)])
def returned(train, run):
    """Says how likely."""
    return scaled(2.0)


ms.Endpoint("returned", model=returned)
ms.Monitor(returned)
'''

WriteProject = Callable[..., Path]


@pytest.fixture(scope="session")
def applied_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk whose dev holds its first version; only to be copied."""
    folder = write_desk(tmp_path_factory.mktemp("applied"))
    ms.Workspace.open(folder).apply()
    return folder


@pytest.fixture(scope="session")
def retrained_desk(applied_desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with another model in dev, as version 2."""
    folder = copied(applied_desk, tmp_path_factory.mktemp("retrained"))
    edited(folder, "num_leaves=4", "num_leaves=5")
    ms.Workspace.open(folder).apply()
    return folder


@pytest.fixture
def write_shop(tmp_path: Path) -> WriteProject:
    """Write the shop, with texts replaced; returns its file."""

    def write(*replacements: tuple[str, str], folder: str = "shop", text: str = SHOP) -> Path:
        for before, after in replacements:
            assert before in text, before
            text = text.replace(before, after)
        file = tmp_path / folder / "shop.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write
