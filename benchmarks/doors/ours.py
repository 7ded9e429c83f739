"""How ours answers through a workspace, as a contender."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks.doors.project import FEATURES, open_workspace
from benchmarks.features.history import feature_names

__all__ = ["CLOSE", "EXACT", "prepare_newest", "prepare_twenty"]

EXACT = [name for name in feature_names() if name.split("__")[0] in ("count", "max", "last")]
"""Features of which everybody says the same to the last bit."""
CLOSE = [name for name in feature_names() if name not in EXACT]
"""Features that are sums of floats, which peers add up in some order."""


def prepare_twenty(folder: Path, *, questions: str) -> Callable[[], pl.DataFrame]:
    """The twenty features of each row of a file, by `ws.get_historical_features`."""
    return _prepare(folder, FEATURES["twenty"], questions, feature_names())


def prepare_newest(folder: Path, *, questions: str) -> Callable[[], pl.DataFrame]:
    """The amount of the newest purchase before each row of a file, by the same."""
    return _prepare(folder, FEATURES["newest"], questions, ["amount"])


def _prepare(
    folder: Path, view: str, questions: str, names: list[str]
) -> Callable[[], pl.DataFrame]:
    workspace = open_workspace(folder / "project")

    def act() -> pl.DataFrame:
        spine = pl.read_parquet(folder / questions)
        answer = workspace.get_historical_features([view], spine=spine)
        found = answer.drop(spine.columns)
        return found.rename(dict(zip(found.columns, names, strict=True)))

    return act
