"""What somebody asks of the routes of features: without leave, too much, or of nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainspring.ports.limits import MAX_ROWS, MAX_SHOWN, MAX_SPINE_ROWS
from tests.attacks.served import Served, make_promoted_project, serving

ONLINE, HISTORICAL = "/v1/features/online", "/v1/features/historical"
AT = "2024-05-04T00:00:00Z"
LONG = "k" * 10_000
ASKED = {"features": "takings", "rows": [{"shop": "a", "prediction_time": AT}]}
ROUTES = (ONLINE, HISTORICAL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_promoted_project(tmp_path_factory.mktemp("features") / "shop")


@pytest.fixture(scope="module")
def dev(folder: Path) -> Iterator[Served]:
    with serving(folder, "dev") as dev:
        yield dev


@pytest.fixture(scope="module")
def token(dev: Served) -> str:
    return token_of(dev, "features")


def token_of(served: Served, *permissions: str, **scope: object) -> str:
    return served.workspace.tokens.create("service:till", permissions, **scope).token


@pytest.mark.parametrize("path", ROUTES)
def test_no_other_permission_opens_features(dev: Served, path: str) -> None:
    others = token_of(dev, "predict", "ingest", "read", "operate")
    refused = dev.ask(others, "POST", path, ASKED)
    assert (refused.status, refused.code) == (403, "ACC-003")
    assert dev.ask("msp_" + "x" * 43, "POST", path, ASKED).status == 401
    for scope in ({"endpoints": ["late"]}, {"sources": ["sales"]}):
        limited = dev.ask(token_of(dev, "features", **scope), "POST", path, ASKED)
        assert (limited.status, limited.code) == (403, "ACC-031")


def test_a_token_of_dev_reads_no_features_of_another_environment(dev: Served, folder: Path) -> None:
    limited = token_of(dev, "features", environments=["dev"])
    with serving(folder, "other") as other:
        for path in ROUTES:
            answer = other.ask(limited, "POST", path, ASKED)
            assert (answer.status, answer.code) == (403, "ACC-031")
            assert "takings" not in answer.body


@pytest.mark.parametrize(("path", "most"), [(ONLINE, MAX_ROWS), (HISTORICAL, MAX_SPINE_ROWS)])
def test_a_list_of_keys_has_an_end(dev: Served, token: str, path: str, most: int) -> None:
    asked = {"features": "takings", "rows": ASKED["rows"] * (most + 1)}
    if path == ONLINE:
        asked["rows"] = [{"shop": "a"}] * (most + 1)
    answer = dev.ask(token, "POST", path, asked)
    assert (answer.status, answer.code) == (413, "FEA-075")
    values = {"features": "takings", "rows": [{"shop": "a"}] * 1_000_001}
    answer = dev.ask(token, "POST", path, values)
    assert (answer.status, answer.code) == (413, "SRV-044")


@pytest.mark.parametrize("path", ROUTES)
def test_features_that_nobody_has_are_told_in_few_words(dev: Served, token: str, path: str) -> None:
    for name in ("nowhere", "nowhere:n", LONG, f"{LONG}:n", "takings\0", "../takings", ""):
        answer = dev.ask(token, "POST", path, ASKED | {"features": name})
        assert (answer.status, answer.code) == (404, "ACC-006"), name[:20]
        assert len(answer.body) < 4 * MAX_SHOWN
    unknown = dev.ask(token, "POST", path, ASKED | {"features": f"takings:{LONG}"})
    assert (unknown.status, unknown.code) == (422, "FEA-074")
    assert len(unknown.body) < 5 * MAX_SHOWN
    twice = dev.ask(token, "POST", path, ASKED | {"features": ["takings"] * 1_000})
    assert (twice.status, twice.code) == (422, "FEA-012")


@pytest.mark.parametrize("path", ROUTES)
def test_a_key_of_ten_thousand_characters_is_a_key_like_any_other(
    dev: Served, token: str, path: str
) -> None:
    rows = [{"shop": LONG, "prediction_time": AT}, {"shop": "\U0001f680", "prediction_time": AT}]
    answer = dev.ask(token, "POST", path, {"features": "takings", "rows": rows})
    assert answer.status == 200
    assert json.loads(answer.body)["rows"] == [{"shop__sales__2h": 0}] * 2


@pytest.mark.parametrize("path", ROUTES)
def test_keys_that_are_missing_or_no_text_are_refused(dev: Served, token: str, path: str) -> None:
    for row, code in (({}, "FEA-003"), ({"shop": "\ud800"}, "FEA-004")):
        answer = dev.ask(
            token, "POST", path, {"features": "takings", "rows": [{"prediction_time": AT} | row]}
        )
        assert (answer.status, answer.code) in {(422, code), (400, "SRV-004")}, row
        assert len(answer.body) < 4 * MAX_SHOWN


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"features": "takings"},
        {"features": [], "rows": [{"shop": "a"}]},
        {"features": "takings", "rows": []},
        {"features": {"a": 1}, "rows": [{"shop": "a"}]},
        {"features": "takings", "rows": [["a"]]},
        {"features": "takings", "rows": [{"shop": ["a"]}]},
        {"features": "takings", "rows": [{"shop": "a"}], "env": "other"},
    ],
)
@pytest.mark.parametrize("path", ROUTES)
def test_another_body_is_a_bad_request(dev: Served, token: str, path: str, body: object) -> None:
    answer = dev.ask(token, "POST", path, body)
    assert (answer.status, answer.code) == (400, "SRV-004")


def test_a_time_that_is_to_come_or_that_is_none_is_refused(dev: Served, token: str) -> None:
    for at, code in (("2999-01-01", "FEA-011"), ("soon", "PRJ-002"), (2**62, "PRJ-002")):
        asked = {"features": "takings", "rows": [{"shop": "a"}], "at": at}
        answer = dev.ask(token, "POST", ONLINE, asked)
        assert answer.status in {400, 422}, at
        assert answer.code == code
    past = {"features": "takings", "rows": [{"shop": "a"}], "at": "1970-01-02"}
    answer = dev.ask(token, "POST", ONLINE, past)
    assert (answer.status, answer.code) == (422, "FEA-076")
    rows = [{"shop": "a", "prediction_time": None}]
    answer = dev.ask(token, "POST", HISTORICAL, {"features": "takings", "rows": rows})
    assert (answer.status, answer.code) == (422, "FEA-010")
