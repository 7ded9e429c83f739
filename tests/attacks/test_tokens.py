"""What somebody tries with a token: their own, another's, none, or one that they made up."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import mainspring as ms
from mainspring.access.record import token_key
from mainspring.access.scope import PERMISSIONS
from mainspring.elements.errors import NotAnActor
from mainspring.ports.state import Change
from tests.attacks.served import Served, make_promoted_project, serving
from tests.journeys.lateness import call
from tools.source_tree import ROOT

PREDICT, PUSH = "/v1/endpoints/late/predict", "/v1/sources/sales/events"
ROWS = {"rows": [{"shop": "a"}]}
SALE = {"rows": [{"sale": "new", "shop": "a", "at": "2024-05-05T00:00:00Z", "amount": 1.0}]}
ROW_OF_TABLE = re.compile(r"\| `(\w+) (/\S*)` \| (\w+) \| (\w+) \|")
NO_ACTORS = [
    "",
    "ada",
    ":ada",
    "person:",
    "Person:ada",
    "person:ada\n",
    "person:a\x1b[2Jda",
    "person:a\0da",
    "person:../../etc/passwd",
    "person:a/b",
    "person:a b",
    "person:a\u202eda",
    "person:\u0430da",
    "person:" + "a" * 10_000,
    "person:ada:root",
]


class Rivals(NamedTuple):
    """The servers of two environments that share a state folder."""

    dev: Served
    other: Served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_promoted_project(tmp_path_factory.mktemp("tokens") / "shop")


@pytest.fixture(scope="module")
def rivals(folder: Path) -> Iterator[Rivals]:
    with serving(folder, "dev") as dev, serving(folder, "other") as other:
        yield Rivals(dev, other)


@pytest.fixture(scope="module")
def dev(rivals: Rivals) -> Served:
    return rivals.dev


def token_of(served: Served, *permissions: str, **scope: object) -> str:
    given = permissions or PERMISSIONS
    return served.workspace.tokens.create("service:till", given, **scope).token


def refusals_of(served: Served) -> list[dict[str, object]]:
    served.guard.record(everything=True)
    state = served.workspace.runtime.state
    return [dict(recorded.event.facts) for recorded in state.iter_events(kind="token.refused")]


# One environment and another


def test_a_token_of_dev_opens_nothing_on_another_environment(rivals: Rivals) -> None:
    token = token_of(rivals.dev)
    assert rivals.dev.ask(token, "POST", PREDICT, ROWS).status == 200
    for route in rivals.other.service.routes:
        path = re.sub(r"{\w+}", "late", route.path)
        if route.permission is not None:
            answer = rivals.other.ask(token, route.method, path, ROWS)
            assert (answer.status, answer.code) == (403, "ACC-031"), route.path
            assert "environment 'other'" in answer.body
            assert token not in answer.body


def test_the_owners_token_of_dev_opens_nothing_on_a_protected_environment(rivals: Rivals) -> None:
    own, others = (served.workspace.token() for served in rivals)
    assert (own.name, others.parent.name, others.name) == ("token", "tokens", "other")
    for path in (own, others):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    tokens = [path.read_text().strip() for path in (own, others)]
    told = [
        [served.ask(token, "GET", "/v1/status").status for served in rivals] for token in tokens
    ]
    assert told == [[200, 403], [403, 200]]


def test_a_prediction_of_another_environment_is_not_replayed_here(rivals: Rivals) -> None:
    asked = rivals.other.ask(token_of(rivals.other), "POST", PREDICT, ROWS)
    prediction = json.loads(asked.body)["predictions"][0]["id"]
    path, token = f"/v1/predictions/{prediction}/replay", token_of(rivals.dev)
    answer = rivals.dev.ask(token, "GET", path)
    assert (answer.status, answer.code) == (404, "SRV-008")
    assert rivals.other.ask(token_of(rivals.other), "GET", path).status == 200


# What is no token any more


def test_unknown_expired_and_revoked_are_told_alike(dev: Served) -> None:
    tokens = dev.workspace.tokens
    revoked = token_of(dev)
    tokens.revoke(tokens.find(revoked).id)
    sent = ["msp_" + "x" * 43, token_of(dev, lifetime=1), revoked]
    answers = [dev.ask(token, "POST", PREDICT, ROWS) for token in sent]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1
    assert not any(token in answer.body for token in sent for answer in answers)


def test_a_token_is_refused_at_its_first_request_after_it_was_revoked(
    dev: Served, folder: Path
) -> None:
    token = token_of(dev)
    assert dev.ask(token, "POST", PREDICT, ROWS).status == 200
    id = dev.workspace.tokens.find(token).id
    assert call(folder, ["auth", "revoke", id]).code == 0
    assert dev.ask(token, "POST", PREDICT, ROWS).status == 401


def test_the_use_of_a_token_does_not_bring_it_back(dev: Served) -> None:
    token = token_of(dev)
    dev.ask(token, "POST", PREDICT, ROWS)
    dev.workspace.tokens.revoke(dev.workspace.tokens.find(token).id)
    dev.guard.record(everything=True)
    assert dev.ask(token, "POST", PREDICT, ROWS).status == 401


# Scopes


@pytest.mark.parametrize(
    ("scope", "method", "path", "missing"),
    [
        ({"endpoints": ["early"]}, "POST", PREDICT, "endpoint 'late'"),
        ({"endpoints": ["early"]}, "POST", "/v2/models/late/infer", "endpoint 'late'"),
        ({"endpoints": ["late"]}, "POST", "/v1/endpoints/Late/predict", "endpoint 'Late'"),
        ({"endpoints": ["late"]}, "POST", "/v1/endpoints/late%00/predict", "endpoint 'late\\x00'"),
        ({"sources": ["visits"]}, "POST", PUSH, "source 'sales'"),
        ({"endpoints": ["late"]}, "GET", "/metrics", "the whole environment"),
        ({"sources": ["sales"]}, "POST", "/v1/environment/rollback", "the whole environment"),
    ],
)
def test_a_limited_token_does_no_more(
    dev: Served, scope: dict[str, list[str]], method: str, path: str, missing: str
) -> None:
    answer = dev.ask(token_of(dev, **scope), method, path, ROWS)
    assert (answer.status, answer.code) == (403, "ACC-031")
    assert json.loads(answer.body)["detail"] == f"the token of service:till is not for {missing}"


def test_whether_an_endpoint_exists_is_not_told_to_whom_it_is_closed(dev: Served) -> None:
    token = token_of(dev, endpoints=["early"])
    there, nowhere = (
        dev.ask(token, "POST", f"/v1/endpoints/{name}/predict", ROWS).body.replace(name, "…")
        for name in ("late", "never")
    )
    assert there == nowhere


def test_a_prediction_is_replayed_for_tokens_of_its_endpoint_only(dev: Served) -> None:
    [prediction] = dev.workspace.predict("late", {"shop": "a"})
    path = f"/v1/predictions/{prediction.id}/replay"
    early, late = (token_of(dev, "read", endpoints=[name]) for name in ("early", "late"))
    assert [dev.ask(token, "GET", path).status for token in (early, late)] == [403, 200]


@pytest.mark.parametrize("verb", PERMISSIONS)
def test_a_permission_opens_its_own_routes_and_no_others(dev: Served, verb: str) -> None:
    token = token_of(dev, verb)
    for route in dev.service.routes:
        if route.permission not in (None, verb):
            answer = dev.ask(token, route.method, re.sub(r"{\w+}", "late", route.path), ROWS)
            assert (answer.status, answer.code) == (403, "ACC-003"), route.path


def test_every_route_is_in_the_table_with_what_it_asks_for(dev: Served) -> None:
    table = (ROOT / "docs" / "serving.md").read_text()
    told = {
        (method, path): (verb, about) for method, path, verb, about in ROW_OF_TABLE.findall(table)
    }
    assert told == {
        (route.method, route.path): (route.permission or "none", route.about)
        for route in dev.service.routes
    }


def test_only_health_is_open_and_whoever_changes_anything_needs_more_than_read(
    dev: Served,
) -> None:
    is_open = {route.path for route in dev.service.routes if route.permission is None}
    assert is_open == {"/healthz", "/v2/health/live", "/v2/health/ready"}
    # The protocol asks for its index with POST, which changes nothing.
    asking = ("GET", "/v2/repository/index")
    changing = {
        route.permission
        for route in dev.service.routes
        if route.method not in asking and route.path not in asking
    }
    assert changing - {"features"} == {"predict", "ingest", "operate"}


def test_a_rollback_needs_operate_and_happens_once(dev: Served, folder: Path) -> None:
    workspace = ms.Workspace.open(folder)
    version, path = workspace.status().version, "/v1/environment/rollback"
    limited, token = token_of(dev, "read", "predict", "ingest"), token_of(dev, "operate")
    assert dev.ask(limited, "POST", path, {"from_version": version}).status == 403
    stale = dev.ask(token, "POST", path, {"from_version": version - 1})
    assert (stale.status, stale.code) == (409, "FLO-026")
    first, again = (dev.ask(token, "POST", path, {"from_version": version}) for _ in range(2))
    assert (first.status, json.loads(first.body)["version"]) == (200, version + 1)
    assert again.status == 409
    assert workspace.status().moved_by == "service:till"


# Requests


def test_headers_that_are_no_one_token_are_refused(dev: Served) -> None:
    token = token_of(dev).encode()
    good = b"Authorization: Bearer " + token
    for headers in (
        [good, good],
        [b"Authorization: Bearer msp_x", good],
        [b"Authorization:", good],
        [b"Authorization: Basic " + token],
        [b"Authorization: " + token],
        [b"Authorization: Bearer"],
        [b"Authorization: Bearer " + token + b" " + token],
        [b"Authorization: Bearer " + token + b"\xa0"],
        [b"Authorization: Bearer \xc3\xa4" + token],
        [b"Authorization: Bearer " + token[:-1]],
        [b"Authorization: Bearer " + token.swapcase()],
        [b"Authorization: Bearer\t" + token],
        [b"Authorization: Bearer " + b"a" * 30_000],
        [b"Proxy-Authorization: Bearer " + token],
        [b"X-Authorization: Bearer " + token],
        [b"Cookie: Authorization=Bearer " + token],
    ):
        answer = dev.send("POST", PREDICT, *headers, body=ROWS)
        assert answer.status == 401, headers
        assert token.decode() not in answer.head + answer.body
        assert len(answer.body) < 600


def test_the_scheme_may_be_written_in_any_case(dev: Served) -> None:
    token = token_of(dev).encode()
    for header in (
        b"authorization: bearer ",
        b"AUTHORIZATION: BEARER ",
        b"Authorization:  Bearer  ",
    ):
        assert dev.send("POST", PREDICT, header + token + b"  ", body=ROWS).status == 200


def test_a_token_in_the_address_is_no_token(dev: Served) -> None:
    token = token_of(dev)
    for name in ("token", "access_token", "authorization", "Authorization"):
        answer = dev.send("POST", f"{PREDICT}?{name}=Bearer%20{token}", body=ROWS)
        assert (answer.status, answer.code) == (401, "ACC-001")
        assert token not in answer.body


# Actors


@pytest.mark.parametrize("actor", NO_ACTORS, ids=lambda actor: ascii(actor)[:30])
def test_what_is_no_name_of_an_actor_is_refused_wherever_it_is_given(
    actor: str, dev: Served, folder: Path, tmp_path: Path
) -> None:
    workspace, out = dev.workspace, str(tmp_path / "token")
    acts = [workspace.acting_as, lambda name: workspace.tokens.create(name, ["read"])]
    if actor:
        acts += [
            lambda name: ms.Workspace.open(folder, actor=name),
            lambda name: ms.Workspace.restore(folder, folder / "nowhere", actor=name),
        ]
    for act in acts:
        with pytest.raises(NotAnActor) as refused:
            act(actor)
        assert len(str(refused.value)) < 300
        assert refused.value.message.isprintable()
    if "\0" not in actor:
        told = call(folder, ["auth", "create", actor, "--permission", "read", "--out", out])
        assert told.code == 2
        assert told.text.replace("\n", "").isprintable()
        assert len(told.text) < 500
    assert not Path(out).exists()


# Where secrets go


def test_a_token_goes_into_no_pipe(folder: Path) -> None:
    before = len(ms.Workspace.open(folder).tokens.list())
    for words in (["--json"], []):
        told = call(folder, ["auth", "create", "service:till", "--permission", "read", *words])
        assert told.code == 2
        assert "msp_" not in told.text
        assert "--out FILE" in told.text
    assert len(ms.Workspace.open(folder).tokens.list()) == before


def test_a_token_is_shown_on_a_terminal(folder: Path) -> None:
    ours, theirs = pty.openpty()
    words = ["auth", "create", "service:till", "--permission", "read"]
    program = "from mainspring.app.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        stdout=theirs,
        stderr=theirs,
        check=True,
    )
    shown = os.read(ours, 10_000).decode()
    for end in (ours, theirs):
        os.close(end)
    found = re.search(r"^msp_[\w-]{43}\s", shown, re.MULTILINE)
    assert found
    assert ms.Workspace.open(folder).tokens.find(found[0].strip()).actor == "service:till"


def test_a_token_is_written_over_nothing_and_through_no_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "planted")
    (tmp_path / "folder").mkdir()
    before = len(ms.Workspace.open(folder).tokens.list())
    for name in ("mine", "link", "folder", "nowhere/token"):
        words = ["auth", "create", "service:till", "--permission", "read"]
        told = call(folder, [*words, "--out", str(tmp_path / name)])
        assert (told.code, told.err[:7]) == (2, "ACC-034")
    assert len(ms.Workspace.open(folder).tokens.list()) == before
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "planted").exists()


def test_a_written_token_is_its_owners_whatever_the_umask(folder: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        words = ["auth", "create", "service:till", "--permission", "read", "--json"]
        told = call(folder, [*words, "--out", str(tmp_path / "token")])
    finally:
        os.umask(before)
    token = (tmp_path / "token").read_text().strip()
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert json.loads(told.out)["id"] == ms.Workspace.open(folder).tokens.find(token).id
    assert token not in told.text


def test_a_planted_link_in_the_place_of_the_owners_token_is_not_followed(
    folder: Path, tmp_path: Path
) -> None:
    workspace = ms.Workspace.open(folder)
    path = workspace.token()
    planted = tmp_path / "planted"
    path.unlink()
    path.symlink_to(planted)
    assert not workspace.token().is_symlink()
    assert not planted.exists()


def test_a_token_is_accepted_on_no_command_line_and_not_repeated(
    dev: Served, folder: Path, tmp_path: Path
) -> None:
    token = token_of(dev)
    for words in (["revoke", token], ["rotate", token, "--out", str(tmp_path / "new")]):
        told = call(folder, ["auth", *words])
        assert told.code == 2
        assert token not in told.text
    assert dev.ask(token, "POST", PREDICT, ROWS).status == 200
    (tmp_path / "held").write_text(f"{token}\n")
    assert call(folder, ["auth", "revoke", "--token-file", str(tmp_path / "held")]).code == 0
    assert dev.ask(token, "POST", PREDICT, ROWS).status == 401


def test_a_server_of_a_bare_model_prints_its_token_nowhere_where_it_stays(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    told = call(tmp_path, ["serve-model", "model.onnx"])
    assert (told.code, told.out) == (2, "")
    assert "--token-file FILE" in told.err


def test_a_server_of_a_bare_model_takes_its_token_from_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "link").symlink_to(tmp_path / "planted")
    (tmp_path / "open").write_text("x" * 43)
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "short").write_text("x")
    (tmp_path / "short").chmod(0o600)
    for name in ("link", "open", "short"):
        told = call(tmp_path, ["serve-model", "model.onnx", "--token-file", name])
        assert (told.code, told.err[:7]) == (2, "ACC-034")
    told = call(tmp_path, ["serve-model", "model.onnx", "--token-file", "new"])
    token = (tmp_path / "new").read_text().strip()
    assert told.err.startswith("ENG-202")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert token not in told.text


# The database


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[" * 5_000,
        b'{"actor":"person:ada"}',
        b'{"actor":"a\\nb","created_at":0,"permissions":["predict"]}',
        b'{"actor":"a\\u202eb","created_at":0,"permissions":["predict"]}',
        b'{"actor":"the till","created_at":0,"permissions":["predict"],"record_format":2}',
        b'{"actor":"person:ada","created_at":0,"permissions":["predict"],"record_format":3}',
        b'{"actor":"person:ada","created_at":0,"permissions":["everything"],"record_format":2}',
        b'{"actor":"person:ada","created_at":0,"permissions":["predict"],"expires_at":"never"}',
    ],
    ids=lambda payload: payload[:40].decode(),
)
def test_a_record_that_makes_no_sense_opens_nothing_and_stops_nothing(
    dev: Served, folder: Path, payload: bytes
) -> None:
    token, state = token_of(dev), dev.workspace.runtime.state
    state.commit([Change("token", token_key(token), payload)], [])
    answer = dev.ask(token, "POST", PREDICT, ROWS)
    assert (answer.status, answer.code) == (401, "ACC-002")
    assert "unreadable" in call(folder, ["auth", "list"]).out


def test_the_database_has_nothing_to_call_with(dev: Served, folder: Path) -> None:
    token = token_of(dev)
    dev.ask(token, "POST", PREDICT, ROWS)
    dev.guard.record(everything=True)
    stored = b"".join(
        path.read_bytes() for path in (folder / ".mainspring").glob("state.db*") if path.is_file()
    )
    assert token_key(token).encode() in stored
    assert token.encode() not in stored
    assert dev.ask(token_key(token), "POST", PREDICT, ROWS).status == 401


# The journal


def test_refusals_are_in_the_journal_counted_and_without_what_was_sent(dev: Served) -> None:
    refusals_of(dev)
    head = dev.workspace.runtime.state.journal_head()
    for number in range(50):
        dev.ask(f"msp_guess{number}", "POST", PREDICT, ROWS)
    assert dev.workspace.runtime.state.journal_head() == head
    last = refusals_of(dev)[-1]
    assert (last["code"], last["count"]) == ("ACC-002", 50)
    assert "guess" not in json.dumps(last)
    assert dev.workspace.runtime.state.journal_head() == head + 1


def test_making_and_revoking_are_in_the_journal(dev: Served, folder: Path) -> None:
    token = token_of(dev)
    id = dev.workspace.tokens.find(token).id
    call(folder, ["auth", "revoke", id, "--as", "person:eve"])
    state = dev.workspace.runtime.state
    told = [
        (recorded.event.kind, recorded.event.actor)
        for recorded in state.iter_events(kind="token.")
        if recorded.event.subject == id
    ]
    assert told == [
        ("token.created", dev.workspace.runtime.actor),
        ("token.revoked", "person:eve"),
    ]
