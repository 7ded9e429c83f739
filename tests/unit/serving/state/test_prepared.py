"""Features that are prepared: how new they are, and how they follow the environment."""

import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.elements.errors import FrameUnreadable, WrongArgument
from mainspring.features.errors import MissingRequestField, MomentAhead, WrongRequestType
from mainspring.features.state.stream import shards_of
from mainspring.registry.errors import UnknownAsset
from mainspring.serving.state.freshness import LOOK_S, Freshness

DECLARED = """\
import mainspring as ms
from mainspring import col

sales = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(sale=ms.Int64(), shop=ms.Int64(), at=ms.Timestamp(), amount=ms.Float64()),
)
takings = ms.FeatureView(
    "takings",
    source=sales,
    entities=[ms.Entity("shop")],
    windows=["unbounded"],
    features={"n": ms.count(), "most": col("amount").max()},
)
till = ms.FeatureSet("till", features=[takings])
"""
NOTHING = {"shop__n__unbounded": 0, "shop__most__unbounded": None}


def sale(number: int, shop: int = 1) -> dict[str, object]:
    at = f"2024-05-01T09:{number:02}:00Z"
    return {"sale": number, "shop": shop, "at": at, "amount": float(number)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(DECLARED)
    ms.Workspace.open(tmp_path).apply()
    return tmp_path


@pytest.fixture(scope="module")
def memory() -> Workspace:
    """A workspace in memory, for what changes nothing."""
    sales = ms.Source(
        "sales",
        id="sale",
        event_time="at",
        contract=ms.Contract(
            sale=ms.Int64(),
            shop=ms.Int64(),
            at=ms.Timestamp(),
            amount=ms.Float64(),
            kind=ms.String(),
        ),
    )
    shop = ms.Entity("shop")
    features = {"n": ms.count(), "most": col("amount").max(), "any": (col("amount") > 2).any()}
    takings = ms.FeatureView(
        "takings", source=sales, entities=[shop], windows=["unbounded"], features=features
    )
    kinds = ms.FeatureView("kinds", source=sales, entities=[shop], features=ms.latest("kind", "at"))
    workspace = ms.Workspace.in_memory([takings, kinds])
    workspace.apply()
    rows = [sale(n, shop=n % 2) | {"kind": f"k{n}"} for n in range(5)]
    workspace.ingest("sales", rows, history=True)
    return workspace


def test_rows_columns_and_arrays_have_the_same_values(memory: Workspace) -> None:
    prepared = memory.prepare(["takings", "kinds"])
    keys = [{"shop": 0}, {"shop": 1}, {"shop": 7}]
    columns = memory.get_online_features(["takings", "kinds"], keys=keys).columns
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert prepared.read(keys) == rows
    assert [prepared.read_one(key) for key in keys] == rows
    assert prepared.column_names == tuple(columns)
    assert prepared.key_names == ("shop",)
    arrays = prepared.read_arrays(keys)
    assert arrays["shop__n__unbounded"].values.tolist() == [3, 2, 0]
    assert arrays["shop__most__unbounded"].present.tolist() == [True, True, False]
    assert arrays["shop__any__unbounded"].values.dtype == np.bool_
    assert arrays["shop__kind"].values.tolist() == ["k4", "k3", None]
    assert arrays["shop__at"].values.dtype == np.int64


def test_keys_come_in_any_form_and_what_is_none_is_refused(memory: Workspace) -> None:
    prepared = memory.prepare("takings")
    wanted = prepared.read([{"shop": 1}])
    for keys in ({"shop": 1}, pl.DataFrame({"shop": [1]}), [{"shop": "1"}], [{"shop": 1.0}]):
        assert prepared.read(keys) == wanted
    assert prepared.read([]) == []
    for key, refused in (
        ({}, MissingRequestField),
        ({"shop": "one"}, WrongRequestType),
        ({"shop": 2**63}, WrongRequestType),
    ):
        with pytest.raises(refused):
            prepared.read_one(key)
        with pytest.raises(refused):
            prepared.read_arrays([key])
    with pytest.raises(FrameUnreadable):
        prepared.read_one("one")
    with pytest.raises(MomentAhead):
        prepared.read_one({"shop": 1}, at="2999-01-01")
    with pytest.raises(WrongArgument):
        memory.prepare(3)
    with pytest.raises(UnknownAsset, match="kinds, takings"):
        memory.prepare("nothing")


def test_a_null_key_and_another_moment_are_answered_as_online(memory: Workspace) -> None:
    prepared, at = memory.prepare("takings"), "2024-05-01T09:02:30Z"
    assert prepared.read_one({"shop": None})["shop__n__unbounded"] == 0
    found = memory.get_online_features("takings", keys={"shop": 0}, at=at).columns
    assert prepared.read_one({"shop": 0}, at=at) == {name: each[0] for name, each in found.items()}


def test_what_this_workspace_pushes_is_in_its_next_read(folder: Path) -> None:
    workspace = ms.Workspace.open(folder)
    prepared = workspace.prepare("takings")
    assert prepared.read_one({"shop": 1}) == NOTHING
    for number in range(1, 20):
        workspace.ingest("sales", [sale(number)], history=True)
        assert prepared.read_one({"shop": 1})["shop__n__unbounded"] == number
        online = workspace.get_online_features("takings", keys={"shop": 1}).columns
        assert online["shop__n__unbounded"] == [number]
        other = workspace.acting_as("person:ada")
        other.ingest("sales", [sale(number, shop=2) | {"sale": 1_000 + number}], history=True)
        assert prepared.read_one({"shop": 2})["shop__n__unbounded"] == number


def test_what_others_push_is_seen_by_the_next_look(folder: Path) -> None:
    workspace, other = ms.Workspace.open(folder), ms.Workspace.open(folder)
    prepared = workspace.prepare("takings")
    assert prepared.read_one({"shop": 1}) == NOTHING
    other.ingest("sales", [sale(1)], history=True)
    threading.Event().wait(2 * LOOK_S)
    assert prepared.read_one({"shop": 1})["shop__n__unbounded"] == 1


def test_a_reader_follows_an_apply_and_a_rollback(folder: Path) -> None:
    workspace = ms.Workspace.open(folder)
    workspace.ingest("sales", [sale(1)], history=True)
    prepared = workspace.prepare("takings")
    assert prepared.read_one({"shop": 1})["shop__n__unbounded"] == 1
    text = (folder / "shop.py").read_text()
    (folder / "shop.py").write_text(text.replace('"n": ms.count()', '"calls": ms.count()'))
    edited = ms.Workspace.open(folder)
    edited.apply()
    threading.Event().wait(2 * LOOK_S)
    assert prepared.read_one({"shop": 1})["shop__calls__unbounded"] == 1
    own = edited.prepare("takings")
    edited.rollback()
    assert own.column_names == ("shop__n__unbounded", "shop__most__unbounded")
    threading.Event().wait(2 * LOOK_S)
    assert prepared.column_names == own.column_names


def test_features_that_are_gone_are_told_until_they_are_back(folder: Path) -> None:
    served = ms.Workspace.open(folder).served_features.prepare("till")
    assert served.read_one({"shop": 1}) == NOTHING
    text = (folder / "shop.py").read_text()
    (folder / "shop.py").write_text(text[: text.index("till =")])
    moved = ms.Workspace.open(folder)
    moved.apply()
    threading.Event().wait(2 * LOOK_S)
    for _ in range(2):
        with pytest.raises(UnknownAsset, match="till"):
            served.read_one({"shop": 1})
    moved.rollback()
    threading.Event().wait(2 * LOOK_S)
    assert served.read_one({"shop": 1}) == NOTHING


def test_state_that_was_dropped_is_built_again_by_the_read_that_misses_it(folder: Path) -> None:
    workspace = ms.Workspace.open(folder)
    workspace.ingest("sales", [sale(1)], history=True)
    prepared = workspace.prepare("takings")
    wanted = prepared.read([{"shop": 1}])
    for shard in shards_of(workspace.reader.view("takings")):
        workspace.runtime.online.drop(shard)
    assert prepared.read([{"shop": 1}]) == wanted


def test_a_server_reads_what_its_consumer_has_folded_and_folds_nothing(folder: Path) -> None:
    workspace = ms.Workspace.open(folder)
    workspace.ingest("sales", [sale(1)], history=True)
    served = workspace.served_features.prepare("till")
    assert served.read_one({"shop": 1}) == NOTHING
    workspace.materialize()
    assert served.read_one({"shop": 1})["shop__n__unbounded"] == 1
    found = workspace.served_features.historical_columns(
        ["till"], rows=[{"shop": 1, "prediction_time": "2024-05-02"}]
    )
    assert found == {"shop__n__unbounded": [1], "shop__most__unbounded": [1.0]}


def test_threads_that_share_a_reader_get_their_own_answers(memory: Workspace) -> None:
    prepared, wrong = memory.prepare("takings"), list[object]()
    wanted = {shop: prepared.read_one({"shop": shop}) for shop in range(3)}

    def ask(shop: int) -> None:
        for _ in range(300):
            found = prepared.read_one({"shop": shop})
            if found != wanted[shop]:
                wrong.append(found)

    threads = [threading.Thread(target=ask, args=(shop,)) for shop in (0, 1, 2, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class Counted:
    writes = 0


def test_there_is_a_reason_to_look_when_somebody_wrote_or_time_has_passed() -> None:
    log, state, now = Counted(), Counted(), [0.0]
    fresh = Freshness(log, state, steady=lambda: now[0])
    assert fresh.is_due()
    fresh.end(fresh.begin())
    assert not fresh.is_due()
    look = fresh.begin()
    log.writes += 1
    fresh.end(look)
    assert fresh.is_due()
    fresh.end(fresh.begin())
    state.writes += 1
    assert fresh.is_due()
    fresh.end(fresh.begin())
    now[0] += LOOK_S
    assert fresh.is_due()
    uncounted = Freshness(log, object(), steady=lambda: now[0])
    uncounted.end(uncounted.begin())
    assert uncounted.is_due()
