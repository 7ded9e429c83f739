"""A person mends a file, adds rows to it, drops some, and edits what was declared about it."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mainspring as ms
from mainspring.project.errors import PlanStale
from mainspring.sources.errors import FileGaveNothing, FileNotAccepted, FileNotRead, FileUnset

PROJECT = """
import mainspring as ms
from mainspring import col

sales = ms.Source("sales", "sales.csv", id="n", event_time="at", CONTRACT)
view = ms.FeatureView("view", source=sales, entities=[ms.Entity("shop")], windows=["30d"],
    features={"n": ms.count(), "sum": col("amount").sum()})
"""
CONTRACT = "contract=ms.Contract(at=ms.Timestamp(), amount=ms.Float64(between=(0, 5000)))"
ROWS = ["1,A,2024-01-01,10", "2,A,2024-01-02,2000", "3,B,2024-01-03,30"]


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., ms.Workspace]:
    """Writes project and file, and opens the workspace."""

    def opened(*rows: str, contract: str = CONTRACT) -> ms.Workspace:
        (tmp_path / "p.py").write_text(PROJECT.replace("CONTRACT", contract))
        (tmp_path / "project.toml").write_text("[environments.dev]\nas_of = 2024-01-10\n")
        (tmp_path / "sales.csv").write_text("\n".join(["n,shop,at,amount", *rows]) + "\n")
        return ms.Workspace.open(tmp_path)

    return opened


def push(workspace: ms.Workspace, n: int, shop: str, at: str, amount: float, op: str = "") -> None:
    row = {"n": n, "shop": shop, "at": at, "amount": amount}
    workspace.ingest("sales", [row], history=True, op=op)


def totals(workspace: ms.Workspace) -> dict[str, list[Any]]:
    spine = pl.DataFrame({"shop": ["A", "B"], "prediction_time": ["2024-01-10"] * 2})
    found = workspace.get_historical_features(["view"], spine=spine)
    online = workspace.get_online_features(
        ["view"], keys=[{"shop": "A"}, {"shop": "B"}], at="2024-01-10"
    )
    features = found.drop(spine.columns).to_dict(as_series=False)
    assert features == online.columns
    return {name.split("__")[1]: values for name, values in features.items()}


def test_a_file_that_has_grown_is_noticed_and_read(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk(*ROWS, "4,B,2024-01-04,5")
    plan = workspace.plan(measure=True)
    assert plan.is_empty
    [change] = plan.data
    assert (change.change, change.effects.new, change.effects.unchanged) == ("grown", 1, 3)
    assert "sales.csv  has grown by 17 B since it was read" in workspace.explain(plan)
    workspace.apply(plan)
    assert totals(workspace) == {"n": [2, 2], "sum": [2010.0, 35.0]}
    assert not workspace.plan().stages


def test_a_row_that_was_mended_replaces_what_the_file_said(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk("1,A,2024-01-01,11", *ROWS[1:])
    workspace.apply()
    assert totals(workspace) == {"n": [2, 1], "sum": [2011.0, 30.0]}
    assert workspace.status().sources[0].quarantined == 0


def test_a_row_that_is_gone_stays_until_it_is_deleted(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk(*ROWS[1:])
    [change] = workspace.plan(measure=True).data
    assert change.effects.missing == 1
    workspace.apply()
    assert totals(workspace)["n"] == [2, 1]
    workspace = desk(*ROWS[1:], "4,B,2024-01-04,5")
    workspace.apply(workspace.plan(delete_missing=True))
    assert totals(workspace) == {"n": [1, 2], "sum": [2000.0, 35.0]}


def test_a_file_is_compared_with_the_rows_that_stand_where_its_columns_change(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk()
    file = workspace.folder.parent / "sales.csv"
    file.write_text("n,shop,at,amount,till\n1,A,2024-01-01,10,x\n4,B,2024-01-04,5,y\n")
    [change] = ms.Workspace.open(file.parent).plan(measure=True).data
    found = change.effects
    assert (found.new, found.replaced, found.unchanged, found.missing) == (1, 1, 0, 2)


def test_a_file_can_be_left_as_it_was_read(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk(*ROWS, "4,B,2024-01-04,5")
    plan = workspace.plan(data=False)
    assert (plan.stages, len(plan.data)) == ((), 1)
    workspace.apply(plan)
    assert totals(workspace)["n"] == [2, 1]


def test_a_refresh_supersedes_what_was_read_and_keeps_what_was_pushed(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk("9,A,2024-01-05,1")
    workspace.ingest(
        "sales", [{"n": 7, "shop": "B", "at": "2024-01-06", "amount": 2.0}], history=True
    )
    workspace.apply(workspace.plan(refresh=["sales"]))
    assert totals(workspace) == {"n": [1, 1], "sum": [1.0, 2.0]}
    again = ms.Workspace.open(workspace.folder.parent)
    assert again.plan().is_empty
    assert totals(again) == {"n": [1, 1], "sum": [1.0, 2.0]}


def test_a_correction_that_was_pushed_outlives_the_file_that_is_read_again(desk) -> None:
    workspace = desk(*ROWS)
    workspace.apply()
    push(workspace, 1, "A", "2024-01-01", 100.0, op="replace")
    workspace = desk(ROWS[0], "2,A,2024-01-02,2001", ROWS[2])
    workspace.apply()
    assert totals(workspace)["sum"] == [2101.0, 30.0]


def test_a_contract_that_is_edited_counts_for_every_row(desk) -> None:
    desk(*ROWS).apply()
    tight = desk(*ROWS, contract=CONTRACT.replace("5000", "100"))
    tight.apply()
    assert totals(tight) == {"n": [1, 1], "sum": [10.0, 30.0]}
    assert [row.fact for row in tight.quarantine("sales")] == ["2"]
    loose = desk(*ROWS)
    loose.apply()
    assert totals(loose) == {"n": [2, 1], "sum": [2010.0, 30.0]}
    assert loose.quarantine("sales") == []


def test_a_rollback_after_an_edit_sees_what_came_since(desk) -> None:
    desk(*ROWS).apply()
    tight = desk(*ROWS, contract=CONTRACT.replace("5000", "100"))
    tight.apply()
    tight.ingest(
        "sales", [{"n": 8, "shop": "A", "at": "2024-01-07", "amount": 500.0}], history=True
    )
    assert totals(tight)["n"] == [1, 1]
    tight.rollback()
    assert totals(tight) == {"n": [3, 1], "sum": [2510.0, 30.0]}


def test_a_file_of_which_no_row_can_be_read_is_refused_with_examples(desk) -> None:
    workspace = desk("1,A,01/01/2024,10", "2,A,02/01/2024,20")
    with pytest.raises(FileNotAccepted, match=r"2 of the 2 rows of .*sales\.csv.*event_time"):
        workspace.apply()
    with pytest.raises(FileNotRead):
        totals(workspace)
    mended = desk(*ROWS)
    mended.apply()
    assert totals(mended)["n"] == [2, 1]
    assert mended.status().sources[0].quarantined == 0


def test_a_source_says_how_many_rows_may_break_its_contract(desk) -> None:
    contract = CONTRACT.replace("5000", "100") + ", max_quarantined=0.1"
    with pytest.raises(FileNotAccepted, match="1 of the 3 rows"):
        desk(*ROWS, contract=contract).apply()


def test_an_environment_does_not_move_onto_a_source_without_a_fact(desk) -> None:
    workspace = desk(*ROWS)
    workspace.apply()
    with pytest.raises(FileGaveNothing, match=r"between:amount 3"):
        desk(*ROWS, contract=CONTRACT.replace("5000", "1")).apply()
    assert totals(workspace)["n"] == [2, 1]


def test_a_file_that_is_written_to_after_the_plan_makes_it_stale(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk(*ROWS, "4,B,2024-01-04,5")
    plan = workspace.plan()
    desk(*ROWS, "4,B,2024-01-04,6")
    with pytest.raises(PlanStale, match=r"sales\.csv was written to"):
        workspace.apply(plan)


def test_a_source_that_is_pushed_to_has_nothing_to_refresh(tmp_path: Path) -> None:
    columns = "n=ms.Int64(), at=ms.Timestamp(), shop=ms.String(), amount=ms.Float64()"
    project = PROJECT.replace(' "sales.csv",', "")
    (tmp_path / "p.py").write_text(project.replace("CONTRACT", f"contract=ms.Contract({columns})"))
    with pytest.raises(FileUnset):
        ms.Workspace.open(tmp_path).plan(refresh=["sales"])


def test_an_id_that_is_corrected_counts_each_fact_once(desk) -> None:
    rows = ["1,A,2024-01-01,10", "2,A,2024-01-02,20"]
    first = desk(*rows)
    first.apply()
    (first.folder.parent / "p.py").write_text(
        PROJECT.replace("CONTRACT", CONTRACT).replace('id="n"', 'id=["n", "shop"]')
    )
    edited = ms.Workspace.open(first.folder.parent)
    edited.apply()
    assert totals(edited)["n"] == [2, 0]


def test_columns_in_another_order_are_no_change(desk) -> None:
    workspace = desk(*ROWS)
    workspace.apply()
    swapped = [",".join(row.split(",")[::-1]) for row in ROWS]
    (workspace.folder.parent / "sales.csv").write_text(
        "\n".join(["amount,at,shop,n", *swapped]) + "\n"
    )
    again = ms.Workspace.open(workspace.folder.parent)
    plan = again.plan()
    assert plan.is_empty
    again.apply(plan)
    assert totals(again) == {"n": [2, 1], "sum": [2010.0, 30.0]}
    assert again.status().sources[0].quarantined == 0


def test_rows_that_stay_in_quarantine_are_not_missing(desk) -> None:
    broken = "9,A,2024-01-08,-1"
    desk(*ROWS, broken).apply()
    [change] = desk(*ROWS, broken, "4,B,2024-01-04,5").plan(measure=True).data
    effects = change.effects
    assert (effects.new, effects.quarantined, effects.missing) == (1, 1, 0)


def test_a_row_that_leaves_quarantine_with_a_mended_file_is_new_and_not_missing(desk) -> None:
    desk(*ROWS, "9,A,2024-01-08,-1", "1,A,2024-01-01,12").apply()
    [change] = desk(*ROWS, "9,A,2024-01-08,1").plan(measure=True).data
    effects = change.effects
    assert (effects.new, effects.unchanged, effects.missing) == (1, 3, 0)


def test_a_refresh_that_did_not_end_reads_what_it_has_not_read(desk, tmp_path: Path) -> None:
    desk(*ROWS)
    folder, header = tmp_path / "sales", "n,shop,at,amount\n"
    folder.mkdir()
    (folder / "a.csv").write_text(f"{header}{ROWS[0]}\n{ROWS[1]}\n")
    (folder / "b.csv").write_text(f"{header}{ROWS[2]}\n")
    project = (tmp_path / "p.py").read_text()
    (tmp_path / "p.py").write_text(project.replace('"sales.csv"', '"sales"'))
    ms.Workspace.open(tmp_path).apply()
    before = totals(ms.Workspace.open(tmp_path))
    (folder / "b.csv").write_text(f"{header}x,B,never,30\n")
    workspace = ms.Workspace.open(tmp_path)
    with pytest.raises(FileNotAccepted):
        workspace.apply(workspace.plan(refresh=["sales"]))
    (folder / "b.csv").write_text(f"{header}{ROWS[2]}\n")
    ms.Workspace.open(tmp_path).apply()
    assert totals(ms.Workspace.open(tmp_path)) == before


def test_quarantine_lists_rows_in_the_order_of_the_file(desk) -> None:
    workspace = desk(*ROWS, "1,B,2024-01-01,10", "9,A,2024-01-08,-1", "2,B,2024-01-02,1")
    workspace.apply()
    assert [row.reason for row in workspace.quarantine("sales")] == [
        "conflict",
        "between:amount",
        "conflict",
    ]


@pytest.fixture
def parts(desk, tmp_path: Path) -> Callable[..., ms.Workspace]:
    """Writes the files of a folder, and opens a workspace whose source it is."""

    def opened(**files: Sequence[str]) -> ms.Workspace:
        folder = tmp_path / "parts"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, rows in files.items():
            (folder / f"{name}.csv").write_text("\n".join(["n,shop,at,amount", *rows]) + "\n")
        desk()
        project = (tmp_path / "p.py").read_text().replace('"sales.csv"', '"parts"')
        (tmp_path / "p.py").write_text(project)
        return ms.Workspace.open(tmp_path)

    return opened


@pytest.mark.parametrize(
    "after",
    [
        {"a": ROWS[:2], "z": ROWS[2:]},
        {"0": ROWS[:2], "b": ROWS[2:]},
        {"a": ROWS[:1], "b": ROWS[1:]},
        {"a": [ROWS[0], ROWS[2]], "b": [ROWS[1]]},
        {"b": ROWS},
    ],
)
def test_a_row_that_another_file_has_is_not_missing(parts, after: dict[str, list[str]]) -> None:
    parts(a=ROWS[:2], b=ROWS[2:]).apply()
    before = totals(parts(a=ROWS[:2], b=ROWS[2:]))
    workspace = parts(**after)
    plan = workspace.plan(delete_missing=True)
    assert not any(change.effects and change.effects.missing for change in plan.data)
    workspace.apply(plan)
    assert totals(parts(**after)) == before
    assert not parts(**after).plan(delete_missing=True).data


def test_a_row_that_was_missing_and_is_there_again_counts_again(desk) -> None:
    desk(*ROWS).apply()
    before = totals(desk(*ROWS))
    workspace = desk(*ROWS[:2])
    workspace.apply(workspace.plan(delete_missing=True))
    assert totals(desk(*ROWS[:2]))["n"] == [2, 0]
    desk(*ROWS).apply()
    assert totals(desk(*ROWS)) == before


def test_a_row_that_was_deleted_by_a_push_stays_away_as_long_as_the_file_says_the_same(
    desk,
) -> None:
    desk(*ROWS).apply()
    push(desk(*ROWS), 3, "B", "2024-01-03", 30.0, "delete")
    desk(*ROWS, "4,A,2024-01-04,1").apply()
    assert totals(desk(*ROWS, "4,A,2024-01-04,1"))["n"] == [3, 0]


@pytest.mark.parametrize(
    ("after", "amount"), [(["1,A,2024-01-01,7"], 7.0), (["1,A,2024-01-01,7", ROWS[0]], 7.0)]
)
def test_the_first_row_of_an_id_is_what_a_file_says(desk, after: list[str], amount: float) -> None:
    desk(ROWS[0], "1,A,2024-01-01,7").apply()
    assert totals(desk(ROWS[0], "1,A,2024-01-01,7"))["sum"][0] == 10.0
    desk(*after).apply()
    assert totals(desk(*after))["sum"][0] == amount


def test_a_refresh_supersedes_what_was_read_of_an_earlier_path(desk, tmp_path: Path) -> None:
    desk(*ROWS).apply()
    (tmp_path / "other.csv").write_text("n,shop,at,amount\n1,A,2024-01-01,7\n")
    project = (tmp_path / "p.py").read_text().replace('"sales.csv"', '"other.csv"')
    (tmp_path / "p.py").write_text(project)
    workspace = ms.Workspace.open(tmp_path)
    workspace.apply(workspace.plan(refresh=["sales"]))
    assert totals(ms.Workspace.open(tmp_path)) == {"n": [1, 0], "sum": [7.0, 0.0]}


def test_rows_that_are_gone_can_be_deleted_after_the_file_was_read(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk(*ROWS[1:])
    workspace.apply()
    assert totals(workspace)["n"] == [2, 1]
    plan = workspace.plan(delete_missing=True)
    assert [change.change for change in plan.data] == ["unchanged"]
    workspace.apply(plan)
    assert totals(workspace)["n"] == [1, 1]
    assert not workspace.plan(delete_missing=True).stages


@pytest.mark.parametrize(
    ("after", "effects"),
    [
        ([*ROWS, "3,B,2024-01-03,31"], (0, 0, 3, 1)),
        (["1,A,2024-01-01,11", *ROWS[1:]], (0, 1, 2, 0)),
        ([*ROWS, "4,B,2024-01-04,5", "4,B,2024-01-04,5.0", "4,B,2024-01-04,6"], (1, 0, 4, 1)),
    ],
)
@pytest.mark.parametrize("corrected", ["", "replace", "delete"])
def test_a_plan_says_of_a_file_what_becomes_of_its_rows(
    desk, after: list[str], effects: tuple[int, ...], corrected: str
) -> None:
    desk(*ROWS).apply()
    if corrected:
        push(desk(*ROWS), 2, "A", "2024-01-02", 3.0, corrected)
    workspace = desk(*after)
    assert measured(workspace) == {"sales.csv": effects}
    before = workspace.status().sources[0]
    workspace.apply()
    now = workspace.status().sources[0]
    gone = corrected == "delete"
    assert totals(workspace)["n"] == [2 - gone, 1 + effects[0]]
    assert now.quarantined - before.quarantined == effects[3]


def measured(workspace: ms.Workspace) -> dict[str, tuple[int, ...]]:
    changes = workspace.plan(measure=True).data
    found = {Path(each.path).name: each.effects for each in changes}
    return {
        name: (each.new, each.replaced, each.unchanged, each.quarantined)
        for name, each in found.items()
    }


def test_a_plan_says_that_a_new_file_contradicts_another(parts) -> None:
    parts(a=ROWS).apply()
    workspace = parts(a=ROWS, b=["3,B,2024-01-03,31", "4,B,2024-01-04,5", ROWS[0]])
    assert measured(workspace) == {"b.csv": (1, 0, 1, 1)}
    workspace.apply()
    assert totals(workspace)["sum"] == [2010.0, 35.0]
    assert [row.fact for row in workspace.quarantine("sales")] == ["3"]


@pytest.mark.parametrize("after", [ROWS[2:], ["3,B,2024-01-03,31"]])
def test_a_file_that_was_gone_and_is_back_counts_again(parts, after: list[str]) -> None:
    parts(a=ROWS[:2], b=ROWS[2:]).apply()
    workspace = parts(a=ROWS[:2])
    workspace.apply(workspace.plan(delete_missing=True))
    assert totals(workspace)["n"] == [2, 0]
    workspace = parts(a=ROWS[:2], b=after)
    assert measured(workspace) == {"b.csv": (1, 0, 0, 0)}
    workspace.apply()
    assert totals(workspace) == {"n": [2, 1], "sum": [2010.0, float(after[0].rpartition(",")[2])]}
    assert not workspace.plan(delete_missing=True).data


def test_a_file_that_cannot_be_read_is_named_and_not_its_copy(desk) -> None:
    desk(*ROWS).apply()
    workspace = desk(*ROWS, "4,B,2024-01-04,5,6")
    with pytest.raises(ms.MainspringError, match=r"/sales\.csv cannot be read: found more fields"):
        workspace.apply()
