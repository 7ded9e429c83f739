"""A project that trains in a moment: tickets of a help desk, and whether they take long."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.copies import copied_tree

__all__ = ["CLERK", "DECLARATIONS", "copied", "edited", "write_desk"]

CLERK = "person:clerk"
_START = datetime(2024, 1, 1, tzinfo=UTC)
_ROWS = 400

DECLARATIONS = """\
import lightgbm as lgb

import mainspring as ms
from mainspring import col

tickets = ms.Source("tickets", "tickets.csv", id="n", event_time="opened_at")
solved = ms.Source("solved", "solved.csv", id="n", event_time="solved_at")
team = ms.Entity("team")
load = ms.FeatureView(
    "load", source=tickets, entities=[team], windows=["1d"], features={"n": ms.count()}
)
ticket = ms.OnDemandFeatureView("ticket", features={"words": col("words")})
history = ms.TrainingSet(
    "history",
    spine=tickets,
    prediction_time=col("opened_at"),
    request=["team", "words", "opened_at"],
    label=ms.Label(solved, col("minutes") > 30, join_on="n"),
    features=[ticket, load],
    split=ms.split_by_time(
        train_from="2024-01-01", test_from="2024-01-12", test_until="2024-01-18"
    ),
)


@ms.model(history, gates=[ms.gates.latency(p99_ms=500, requests=3)])
def slow(train, run):
    shape = lgb.LGBMClassifier(
        n_estimators=3, num_leaves=4, min_child_samples=5, n_jobs=1, verbose=-1
    )
    return shape.fit(train.X, train.y)


ms.Endpoint("slow", model=slow)
ms.Monitor(slow)
"""


def write_desk(folder: Path) -> Path:
    """The project in a folder, with its data."""
    tickets, solved = ["n,opened_at,team,words"], ["n,solved_at,minutes"]
    for n in range(_ROWS):
        opened, words = _START + timedelta(hours=n), n * 37 % 101
        tickets.append(f"{n},{opened.isoformat()},team{n % 3},{words}")
        minutes = 10 + words // 3 + n * 53 % 41
        done = opened + timedelta(minutes=minutes)
        solved.append(f"{n},{done.isoformat()},{minutes}")
    (folder / "tickets.csv").write_text("\n".join(tickets) + "\n")
    (folder / "solved.csv").write_text("\n".join(solved) + "\n")
    (folder / "desk.py").write_text(DECLARATIONS)
    return folder


def edited(folder: Path, old: str, new: str) -> None:
    """Edit the declarations, as a person would."""
    text = (folder / "desk.py").read_text()
    assert old in text, old
    (folder / "desk.py").write_text(text.replace(old, new))


def copied(project: Path, folder: Path) -> Path:
    """A project with all that was built of it, for one test to change."""
    return copied_tree(project, folder / project.name)
