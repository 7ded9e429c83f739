"""Rows of a push as bytes: what is read back is what was judged, whatever people push."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.sources.errors import UnreadableRows
from mainspring.sources.raw.body import decode_rows, encode_rows

AT = "2024-01-01T00:00:00Z"


@pytest.fixture
def workspace() -> Workspace:
    contract = ms.Contract(n=ms.Int64(), at=ms.Timestamp(), amount=ms.Float64())
    source = ms.Source("s", id="n", event_time="at", contract=contract)
    workspace = Workspace.in_memory([source])
    workspace.apply(workspace.plan())
    return workspace


@pytest.mark.parametrize(
    "value",
    [
        {"$": "datetime", "value": "no instant"},
        {"$": "Decimal", "value": "1"},
        {"$": "object", "value": [["a", 1]]},
        {"$": "object", "value": 1},
        {"$": 1},
        {"a": [{"$": {"$": "bytes", "value": "YQ=="}}]},
        Decimal("1.50"),
        Fraction(1, 3),
        b"ab",
        date(2024, 1, 1),
        datetime(2024, 1, 1, tzinfo=UTC),
        10**30,
        "\\ud800",
    ],
)
def test_a_value_is_read_back_as_it_came(value: object) -> None:
    rows = [{"n": 1, "extra": value}, {"$": "bytes", "value": value}]
    assert decode_rows(encode_rows(rows), "json") == rows


@pytest.mark.parametrize("name", [None, 1, (1, 2), np.int64(3), date(2024, 1, 1), b"x"])
def test_an_undeclared_column_may_have_any_name(workspace: Workspace, name: object) -> None:
    report = workspace.ingest("s", [{"n": 1, "at": AT, name: 1, "more": {name: 2}}])
    assert (report.accepted, report.ignored) == (1, tuple(sorted(["more", str(name)])))


def test_a_value_that_looks_like_a_stored_one_is_a_value(workspace: Workspace) -> None:
    row = {"n": 1, "at": AT, "extra": {"$": "datetime", "value": "no instant"}}
    assert workspace.ingest("s", [row]).accepted == 1
    with pytest.raises(UnreadableRows):
        workspace.ingest("s", [{"n": 2, "at": {"$": "datetime", "value": "2024-01-01"}}])


def _holding_itself() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found


@pytest.mark.parametrize("value", [_holding_itself(), 10**5000], ids=["itself", "huge"])
def test_what_cannot_be_written_is_refused_whole(workspace: Workspace, value: object) -> None:
    rows = [{"n": 1, "at": AT}, {"n": 2, "at": AT, "extra": value}]
    with pytest.raises(UnreadableRows, match="cannot be written"):
        workspace.ingest("s", rows)
    assert workspace.facts_of(workspace.source("s")).is_empty()
