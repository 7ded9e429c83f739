"""Rows are released and dropped on the command line, and its exit code says whether any was."""

import json
from pathlib import Path

import pytest

import mainspring as ms
from tests.journeys.lateness import call

PROJECT = """
import mainspring as ms
from mainspring import col

sales = ms.Source("sales", id="n", event_time="at",
    contract=ms.Contract(n=ms.Int64(), at=ms.Timestamp(), amount=ms.Float64(between=(0, 10))))
view = ms.FeatureView("view", source=sales, entities=[ms.Entity("n")], windows=["30d"],
    features={"sum": col("amount").sum()})
"""
RIGHT = {"n": 1, "at": "2024-01-01", "amount": 1}
WRONG = {"n": 2, "at": "2024-01-01", "amount": 11}
CONTRADICTS = RIGHT | {"amount": 2}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.py").write_text(PROJECT)
    ms.Workspace.open(tmp_path).apply()
    return tmp_path


def test_nothing_in_quarantine_is_nothing_to_do(folder: Path) -> None:
    released = call(folder, ["quarantine", "release", "sales", "--all"])
    assert (released.code, released.out) == (0, "✓ 0 rows released\n")
    assert call(folder, ["quarantine", "drop", "sales", "--all"]).code == 0


def test_a_release_of_all_that_released_none_says_no(folder: Path) -> None:
    workspace = ms.Workspace.open(folder)
    workspace.ingest("sales", [RIGHT, WRONG, WRONG, CONTRADICTS], history=True)
    assert call(folder, ["quarantine", "release", "sales", "--all"]).code == 0
    refused = call(folder, ["quarantine", "release", "sales", "--all"])
    assert (refused.code, refused.out.splitlines()[0]) == (1, "✗ 0 rows released")
    assert call(folder, ["quarantine", "release", "sales", "--all", "--json"]).code == 1


def test_rows_that_are_alike_are_dropped_as_often_as_they_came(folder: Path) -> None:
    ms.Workspace.open(folder).ingest("sales", [WRONG, WRONG, WRONG], history=True)
    assert "3 rows of sales" in call(folder, ["quarantine", "list", "sales"]).out
    dropped = call(folder, ["quarantine", "drop", "sales", "--all", "--json"])
    assert json.loads(dropped.out) == {"dropped": 3}


def test_a_list_of_fewer_than_no_rows_is_misuse(folder: Path) -> None:
    assert call(folder, ["quarantine", "list", "sales", "--last", "-3"]).code == 2
