"""What becomes of a row in quarantine: dropped, released, pushed again, and what an edit makes of
it.
"""

import pytest

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.project.loader.load import load_definitions

AT = "2024-01-01T00:00:00Z"


def declared(most: float, id_: str = "n") -> ms.Source:
    contract = ms.Contract(
        n=ms.Int64(), at=ms.Timestamp(), shop=ms.String(), amount=ms.Float64(between=(0, most))
    )
    return ms.Source("s", id=id_, event_time="at", contract=contract)


@pytest.fixture
def workspace() -> Workspace:
    workspace = Workspace.in_memory([declared(5.0)])
    workspace.apply()
    return workspace


def edited(workspace: Workspace, source: ms.Source) -> Workspace:
    project = load_definitions([source], name="memory")
    edited = Workspace(project, workspace.runtime, environment="dev", folder=None)
    edited.apply()
    return edited


def push(workspace: Workspace, amount: float, op: str = "", n: int = 1) -> None:
    workspace.ingest("s", [{"n": n, "at": AT, "shop": "a", "amount": amount}], op=op)


def standing(workspace: Workspace) -> list[float]:
    facts = workspace.facts_of(workspace.source("s"))
    return facts.filter(facts["_visible_to"] == facts["_visible_to"].max())["amount"].to_list()


def refused(workspace: Workspace) -> list[tuple[int, str, int]]:
    return [(row.raw, row.reason, row.count) for row in workspace.quarantine("s")]


def quarantined(workspace: Workspace) -> int:
    [source] = workspace.status().sources
    return source.quarantined


def test_a_dropped_row_that_is_pushed_again_lies_there_again(workspace: Workspace) -> None:
    push(workspace, 9.0)
    push(workspace, 9.0)
    assert (refused(workspace), quarantined(workspace)) == ([(0, "between:amount", 2)], 2)
    workspace.drop("s", [0])
    assert (refused(workspace), quarantined(workspace)) == ([], 0)
    push(workspace, 9.0)
    assert (refused(workspace), quarantined(workspace)) == ([(1, "between:amount", 1)], 1)


def test_a_released_row_does_not_come_back_when_its_fact_is_replaced(
    workspace: Workspace,
) -> None:
    push(workspace, 1.0)
    push(workspace, 2.0)
    workspace.release("s", [1])
    assert (standing(workspace), refused(workspace)) == ([2.0], [])
    push(workspace, 3.0, "replace")
    assert (standing(workspace), refused(workspace)) == ([3.0], [])
    assert quarantined(workspace) == 0
    push(workspace, 2.0)
    assert [reason for _, reason, _ in refused(workspace)] == ["conflict"]
    assert quarantined(workspace) == 1


def test_a_correction_counts_that_says_what_was_refused_before(workspace: Workspace) -> None:
    push(workspace, 1.0)
    push(workspace, 9.0)
    push(workspace, 9.0, "replace")
    assert standing(workspace) == [1.0]
    workspace = edited(workspace, declared(10.0))
    assert (standing(workspace), refused(workspace)) == ([9.0], [])


def test_a_correction_counts_that_says_what_stands(workspace: Workspace) -> None:
    push(workspace, 1.0, n=1)
    push(workspace, 2.0, n=2)
    push(workspace, 2.0, "replace", n=2)
    workspace = edited(workspace, declared(5.0, "shop"))
    assert (standing(workspace), refused(workspace)) == ([2.0], [])


def test_a_row_that_was_dropped_stays_away_when_its_file_is_read_again(tmp_path) -> None:
    header, good, bad = "n,at,shop,amount\n", f"1,{AT},a,1\n", f"2,{AT},a,9\n"
    (tmp_path / "s.csv").write_text(header + good + bad)
    (tmp_path / "p.py").write_text(
        'import mainspring as ms\ns = ms.Source("s", "s.csv", id="n", event_time="at",'
        " contract=ms.Contract(amount=ms.Float64(between=(0, 5))))\n"
    )
    workspace = Workspace.open(tmp_path)
    workspace.apply()
    workspace.drop("s", [row.raw for row in workspace.quarantine("s")])
    (tmp_path / "s.csv").write_text(header + good + bad + f"3,{AT},a,2\n")
    Workspace.open(tmp_path).apply()
    assert standing(Workspace.open(tmp_path)) == [1.0, 2.0]
    assert refused(Workspace.open(tmp_path)) == []
