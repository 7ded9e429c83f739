"""An edit of a small project: its declarations, and whatever its fit reaches beside them."""

from typing import NamedTuple


class Edit(NamedTuple):
    """An edit of one file.

    Args:
        files: of the project; `p.py` starts with the declarations.
    """

    what: str
    files: dict[str, str]
    file: str
    before: str
    after: str
    is_change: bool = True


FIT = "@ms.model(history)\ndef m(train, run):\n"

DECLARATIONS = """
import mainspring as ms
from mainspring import col
events = ms.Source("events", id="n", event_time="at")
feats = ms.OnDemandFeatureView("feats", features={"x": col("x")})
history = ms.TrainingSet(
    "history", spine=events, prediction_time=col("at"), request=["x"], features=[feats],
    label=ms.Label(events, col("y") > 0, join_on="n"),
    split=ms.split_by_time(
        train_from="2024-01-01", test_from="2024-01-08", test_until="2024-01-12"
    ),
)
"""
