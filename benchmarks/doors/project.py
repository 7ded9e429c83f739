"""The project whose doors are measured: purchases of customers, in a file or pushed, and views of
them.
"""

from pathlib import Path

import polars as pl

from benchmarks.doors.size import FULL, Size
from benchmarks.doors.timed import Spent, run_command
from benchmarks.features.history import History, clustered, draw_facts, draw_spine
from mainspring.app.workspace import Workspace

__all__ = [
    "FEATURES",
    "PURCHASES",
    "QUESTIONS",
    "TOPIC",
    "applied",
    "draw_purchases",
    "draw_questions",
    "ingest_file",
    "open_workspace",
    "shop_of",
    "take_in",
    "write_project",
]

PURCHASES, QUESTIONS = "purchases.parquet", "questions.parquet"
"""What everybody reads: facts with `purchase`, `customer`, `amount`, `item`, `bought_at`; questions
with `customer` and `prediction_time`.
"""
TOPIC = "purchases"
FEATURES = {"twenty": "purchases_in_windows", "newest": "newest_purchase"}
_UTC = pl.Datetime("us", "UTC")

_DECLARATIONS = """\
import mainspring as ms
from mainspring import col

purchases = ms.Source(
    "purchases",{file}
    id="purchase",
    event_time="bought_at",
    contract=ms.Contract(
        purchase=ms.{purchase}(),
        customer=ms.Int64(),
        amount=ms.Float64({bounds}),
        item=ms.Int64(),
        bought_at=ms.Timestamp(),
    ),
)
customer = ms.Entity("customer")
amount = col("amount")
twenty = ms.FeatureView(
    "purchases_in_windows",
    source=purchases,
    entities=[customer],
    windows=["1h", "24h", "7d", "30d"],
    features={{
        "count": ms.count(),
        "sum": amount.sum(),
        "mean": amount.mean(),
        "max": amount.max(),
        "last": amount.last(),
    }},
)
"""
_NEWEST = """\
newest = ms.FeatureView(
    "newest_purchase", source=purchases, entities=[customer], features=ms.latest("amount")
)
"""


def write_project(
    folder: Path,
    *,
    purchase: str = "Int64",
    bounds: str = "",
    file: str = "",
    has_newest: bool = True,
) -> Path:
    """The declarations in a folder.

    Args:
        purchase: the type of the ids.
        bounds: what the contract says about amounts.
        file: where the source is read from; default: nowhere, it is ingested.
        has_newest: also the view of the newest purchase.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = f'\n    "{file}",' if file else ""
    declared = _DECLARATIONS.format(purchase=purchase, bounds=bounds, file=named)
    (folder / "shop.py").write_text(declared + (_NEWEST if has_newest else ""))
    return folder


def applied(folder: Path) -> Path:
    """The project, with what it declares built."""
    Workspace.open(folder).apply()
    return folder


def open_workspace(folder: Path) -> Workspace:
    """The project, opened anew."""
    return Workspace.open(folder)


def draw_purchases(
    history: History, *, is_ordered: bool = False, seed: int = 1, first_id: int = 0
) -> pl.DataFrame:
    """Facts as a file has them, by time, or by customer and time."""
    drawn = draw_facts(history, seed=seed)
    drawn = clustered(drawn) if is_ordered else drawn.sort("_event_time")
    return drawn.select(
        pl.int_range(first_id, first_id + drawn.height, eager=True).alias("purchase"),
        "customer",
        "amount",
        "item",
        pl.col("_event_time").cast(_UTC).alias("bought_at"),
    )


def draw_questions(history: History, *, is_ordered: bool = False) -> pl.DataFrame:
    """Questions as a file has them."""
    drawn = draw_spine(history)
    drawn = clustered(drawn) if is_ordered else drawn
    return drawn.select("customer", pl.col("_prediction_time").cast(_UTC).alias("prediction_time"))


def take_in(folder: Path, file: Path) -> None:
    """Ingest a file where nobody measures it; its facts became known when they happened."""
    Workspace.open(folder).ingest(TOPIC, file, history=True)


def ingest_file(folder: Path, file: Path) -> Spent:
    """What `mainspring ingest` takes for a file; its facts became known when they happened."""
    return run_command("ingest", TOPIC, str(file), "--history", "--project", str(folder))


def shop_of(size: Size, *, is_ordered: bool = False) -> Path:
    """A folder with both files and the project that has taken the facts in; made once for a run."""
    folder = size.kept("ordered" if is_ordered else "by-time")
    if folder.exists():
        return folder
    history = History(*(size.scaled(count) for count in (1_000_000, FULL, 100_000)))
    applied(write_project(folder / "project"))
    draw_purchases(history, is_ordered=is_ordered).write_parquet(folder / PURCHASES)
    questions = draw_questions(history, is_ordered=is_ordered)
    questions.write_parquet(folder / QUESTIONS)
    take_in(folder / "project", folder / PURCHASES)
    return folder
