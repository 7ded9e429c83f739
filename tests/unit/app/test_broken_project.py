"""What was applied serves, replays and is looked at although the project's files do not load any
more.
"""

from pathlib import Path

import pytest

import mainspring as ms
from mainspring.elements.time import format_instant
from mainspring.project.errors import ProjectErrors
from mainspring.registry.errors import UnknownAsset
from tests.copies import copied_tree

PROJECT = """
import mainspring as ms
from mainspring import col
from sklearn.linear_model import LogisticRegression

sales = ms.Source("sales", path="sales.csv", id="sale", event_time="at",
    contract=ms.Contract(sale=ms.String(), shop=ms.String(), at=ms.Timestamp(),
                         amount=ms.Float64()))
takings = ms.FeatureView("takings", source=sales, entities=[ms.Entity("shop")], windows=["1h"],
    features={"sales": ms.count()})
late = ms.TrainingSet("late", spine=sales, prediction_time=col("at"), request=["shop"],
    label=ms.Label(sales, col("amount") > 1, join_on="sale"), features=[takings],
    split=ms.split_by_time(train_from="2024-05-01", test_from="2024-05-03",
                           test_until="2024-05-05"))

@ms.model(late)
def lateness(train, run):
    return LogisticRegression().fit(train.X, train.y)

endpoint = ms.Endpoint("late", model=lateness)
"""


def sales_of_four_days() -> str:
    rows = [
        f"{hour},{'aab'[hour % 3]},2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z,"
        f"{2.0 * (hour % 3 == 1 or hour % 5 == 0)}"
        for hour in range(96)
    ]
    return "\n".join(["sale,shop,at,amount", *rows])


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ms.Workspace]:
    """A project that was applied twice, and answered once."""
    folder = tmp_path_factory.mktemp("projects") / "shop"
    folder.mkdir()
    (folder / "sales.csv").write_text(sales_of_four_days())
    (folder / "shop.py").write_text(PROJECT)
    ms.Workspace.open(folder).apply()
    (folder / "shop.py").write_text(PROJECT.replace('windows=["1h"]', 'windows=["2h"]'))
    workspace = ms.Workspace.open(folder)
    workspace.apply()
    workspace.predict("late", {"shop": "a"})
    return folder, workspace


@pytest.fixture
def broken(applied: tuple[Path, ms.Workspace], tmp_path: Path) -> ms.Workspace:
    """It, with a mistake in its Python file and without its data file."""
    folder = copied_tree(applied[0], tmp_path / "shop")
    (folder / "shop.py").write_text(PROJECT + "\nimport a_package_that_is_missing )\n")
    (folder / "sales.csv").unlink()
    return ms.Workspace.open(folder)


def test_what_needs_declarations_says_every_mistake_in_them(broken: ms.Workspace) -> None:
    with pytest.raises(ProjectErrors) as refused:
        broken.plan()
    assert [fault.code for fault in refused.value.faults] == ["PRJ-024"]


def test_the_endpoint_answers_as_before(
    broken: ms.Workspace, applied: tuple[Path, ms.Workspace]
) -> None:
    (before,) = applied[1].predict("late", {"shop": "b"})
    (after,) = broken.predict("late", {"shop": "b"})
    assert (after.version, after.score) == (before.version, before.score)
    assert list(broken.host().served.endpoints) == ["late"]


def test_its_predictions_are_replayed_and_explained(broken: ms.Workspace) -> None:
    broken.predict("late", {"shop": "b"})
    newest = broken.latest_predictions(10)
    assert len(newest) >= 2
    assert {replay.outcome for replay in broken.replay(newest)} == {"identical"}
    assert broken.trace(newest[0]).version.startswith("lateness")


def test_status_tells_what_the_environment_holds(broken: ms.Workspace) -> None:
    status = broken.status()
    assert [(e.name, e.attested) for e in status.endpoints] == [("late", True)]
    assert [(s.name, s.rows) for s in status.sources] == [("sales", 96)]


def test_lineage_reaches_the_file_that_is_gone(broken: ms.Workspace) -> None:
    lines = broken.lineage("late").lines()
    assert lines[0].startswith("endpoint.late")
    assert lines[-1].endswith("file sales.csv")
    with pytest.raises(UnknownAsset, match=r"endpoint\.late"):
        broken.lineage("nothing")


def test_the_journal_and_the_tokens_are_there(broken: ms.Workspace) -> None:
    assert broken.audit().intact
    broken.tokens.create("person:ada", ["predict"])
    assert [record.actor for record in broken.tokens.list()] == ["person:ada"]


def test_facts_are_taken_in_as_was_applied_and_state_is_kept_current(
    broken: ms.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    now = format_instant(broken.runtime.data_clock.now() - 1)
    sale = {"sale": "new", "shop": "a", "at": now, "amount": 1.0}
    assert broken.ingest("sales", [sale]).accepted == 1
    assert "rows are taken in as dev has their sources" in caplog.text
    broken.streams.once()
    broken.tables.run_due()
    told = broken.get_online_features(["takings"], keys=[{"shop": "a"}])
    assert told.columns == {"shop__sales__2h": [1]}
    with pytest.raises(UnknownAsset, match="sales"):
        broken.writer("nothing")


def test_the_environment_is_rolled_back(broken: ms.Workspace) -> None:
    held = broken.status().endpoints[0].digest
    broken.rollback()
    assert broken.status().endpoints[0].digest != held
    assert broken.predict("late", {"shop": "b"})[0].version != held
