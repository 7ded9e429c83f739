"""The routes of features, called with records: what they answer, and what they count."""

import json

import polars as pl
import pytest

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.features.api import FeatureApi
from mainspring.features.errors import MissingRequestField, RequestTypesUnknown, TooManyFeatureRows
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import Call
from mainspring.ports.limits import MAX_SPINE_ROWS
from mainspring.registry.errors import UnknownAsset

AT = "2024-05-02T00:00:00Z"
SALES = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.Int64(), shop=ms.Int64(), at=ms.Timestamp(), amount=ms.Float64(), paid=ms.Float64()
    ),
)
TAKINGS = ms.FeatureView(
    "takings",
    source=SALES,
    entities=[ms.Entity("shop")],
    windows=["unbounded"],
    features={"n": ms.count(), "most": col("amount").max(), "newest": col("at").last()},
)
ORDER = ms.OnDemandFeatureView("order", features={"double": col("amount") * 2})
ALONE = ms.OnDemandFeatureView("alone", features={"half": col("amount") / 2})
TILL = ms.FeatureSet("till", features=["takings:shop__n__unbounded", ORDER])
LATE = ms.TrainingSet(
    "late",
    spine=SALES,
    prediction_time=col("at"),
    request=["shop", "amount"],
    label=ms.Label(SALES, col("paid") > 1, join_on="sale"),
    features=[TILL],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)
COUNTED: list[tuple[str, int]] = []


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    workspace = ms.Workspace.in_memory([TAKINGS, TILL, LATE, ALONE])
    rows = [
        {
            "sale": n,
            "shop": n % 2,
            "at": f"2024-05-0{1 + n}T09:00:00Z",
            "amount": n / 1,
            "paid": n / 1,
        }
        for n in range(4)
    ]
    workspace.ingest("sales", rows, history=True)
    workspace.apply()
    return workspace


@pytest.fixture
def api(workspace: Workspace) -> FeatureApi:
    COUNTED.clear()
    return FeatureApi(
        workspace.served_features, observe=lambda read, rows: COUNTED.append((read, rows))
    )


def sent(**body: object) -> Call:
    return Call("POST", body=json.dumps(body).encode())


def rows_in(reply: object) -> list[dict[str, object]]:
    return json.loads(reply.body)["rows"]


def test_a_set_is_read_online_as_the_workspace_reads_it(
    api: FeatureApi, workspace: Workspace
) -> None:
    keys = [{"shop": 0, "amount": 1.5}, {"shop": 9, "amount": None}]
    wanted = workspace.get_online_features("till", keys=keys).columns
    found = rows_in(api.online(sent(features="till", rows=keys)))
    assert found == [{name: values[place] for name, values in wanted.items()} for place in range(2)]
    assert found == [
        {"shop__n__unbounded": 2, "double": 3.0},
        {"shop__n__unbounded": 0, "double": None},
    ]
    assert COUNTED == [("online", 2)]


def test_reasons_and_another_moment_are_asked_for(api: FeatureApi) -> None:
    body = {"features": ["takings"], "rows": [{"shop": 0}, {"shop": 9}], "at": AT, "reasons": True}
    answer = json.loads(api.online(sent(**body)).body)
    assert [row["shop__n__unbounded"] for row in answer["rows"]] == [1, 0]
    assert list(answer["reasons"]) == ["takings.shop"]
    assert len(answer["reasons"]["takings.shop"]) == 2


def test_history_answers_as_a_backfill_with_instants_as_microseconds(
    api: FeatureApi, workspace: Workspace
) -> None:
    rows = [
        {"shop": 0, "amount": 2, "prediction_time": AT},
        {"shop": "1", "amount": 0.5, "prediction_time": "2024-05-04"},
        {"shop": None, "amount": None, "prediction_time": 1_714_600_000_000_000},
    ]
    found = rows_in(api.historical(sent(features=["takings", "order"], rows=rows)))
    spine = pl.DataFrame(
        {
            "shop": [0, 1, None],
            "amount": [2.0, 0.5, None],
            "prediction_time": [AT, "2024-05-04T00:00:00Z", "2024-05-01T21:46:40Z"],
        }
    )
    wanted = workspace.get_historical_features(["takings", "order"], spine=spine)
    wanted = wanted.with_columns(pl.col("shop__newest__unbounded").to_physical())
    assert found == wanted.drop(spine.columns).to_dicts()
    assert COUNTED == [("historical", 3)]


def test_what_cannot_be_answered_is_an_error_and_not_counted(api: FeatureApi) -> None:
    row = {"shop": 0, "amount": 1.0, "prediction_time": AT}
    for body, refused in (
        ({"features": [], "rows": [row]}, BadRequest),
        ({"features": "till", "rows": []}, BadRequest),
        ({"features": "nothing", "rows": [row]}, UnknownAsset),
        ({"features": "till", "rows": [{"shop": 0}]}, MissingRequestField),
        ({"features": "alone", "rows": [row]}, UnknownAsset),
    ):
        for route in (api.online, api.historical):
            with pytest.raises(refused):
                route(sent(**body))
    many = [row] * (MAX_SPINE_ROWS + 1)
    with pytest.raises(TooManyFeatureRows):
        api.historical(sent(features="till", rows=many))
    assert COUNTED == []


def test_both_routes_run_in_threads_and_history_alone(api: FeatureApi) -> None:
    told = {route.path: (route.permission, route.blocks, route.alone) for route in api.routes()}
    assert told == {
        "/v1/features/online": ("features", True, False),
        "/v1/features/historical": ("features", True, True),
    }


def test_what_a_set_alone_reads_on_demand_has_no_types_online(workspace: Workspace) -> None:
    alone = ms.FeatureSet("only", features=[ALONE])
    own = ms.Workspace.in_memory([alone])
    own.apply()
    for read in (own, own.served_features):
        with pytest.raises(RequestTypesUnknown, match="amount of alone"):
            read.get_online_features("only", keys=[{"amount": 1.0}])
    spine = pl.DataFrame({"amount": [3.0], "prediction_time": [AT]})
    assert own.get_historical_features("only", spine=spine)["half"].to_list() == [1.5]
