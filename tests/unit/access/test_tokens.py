"""Tokens: who gets in, what they may do, and what is kept of them."""

import stat

import pytest

from mainspring.access.errors import NotPermitted, TokenMissing, TokenUnknown
from mainspring.access.tokens import (
    PERMISSIONS,
    authorise,
    create_token,
    load_or_create_token,
    revoke_token,
)
from mainspring.elements.events import Actor, ProjectName
from mainspring.engines.local.state import SqliteState
from mainspring.testing import FrozenClock

PROJECT, ADA = ProjectName("flights"), Actor("person:ada")


@pytest.fixture
def state():
    return SqliteState(None, PROJECT, clock=FrozenClock(0))


@pytest.fixture
def token(state):
    return create_token(state, owner=ADA, actor=ADA, permissions=["predict"], project=PROJECT, at=5)


def test_a_token_gives_its_actor_what_it_permits(state, token):
    assert authorise(state, f"Bearer {token}", "predict") == ADA


def test_the_scheme_is_read_in_any_case(state, token):
    assert authorise(state, f"bearer  {token} ", "predict") == ADA


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic YTpi", "msp_abc"])
def test_a_request_without_a_token_is_refused(state, header):
    with pytest.raises(TokenMissing):
        authorise(state, header, "read")


def test_an_unknown_token_is_refused(state, token):
    with pytest.raises(TokenUnknown):
        authorise(state, f"Bearer {token}x", "predict")


def test_what_is_not_permitted_is_denied(state, token):
    with pytest.raises(NotPermitted, match="person:ada may not ingest"):
        authorise(state, f"Bearer {token}", "ingest")


def test_a_revoked_token_is_unknown(state, token):
    revoke_token(state, token, actor=ADA, project=PROJECT, at=6)
    with pytest.raises(TokenUnknown):
        authorise(state, f"Bearer {token}", "predict")


def test_the_token_itself_is_kept_nowhere(state, token):
    kept = [document.payload + document.key.encode() for document in state.iter_documents("token")]
    told = [repr(recorded).encode() for recorded in state.iter_events()]
    assert kept
    assert token.encode() not in b"".join(kept + told)


def test_the_journal_says_who_got_what(state, token):
    [recorded] = state.iter_events(kind="token.created")
    assert (recorded.event.actor, recorded.event.facts) == (
        ADA,
        {"owner": ADA, "permissions": ["predict"]},
    )


def test_the_token_of_a_workspace_is_made_once_and_read_by_its_owner_alone(state, tmp_path):
    path = tmp_path / "token"
    first, again = (
        load_or_create_token(path, state, actor=ADA, project=PROJECT, at=5) for _ in range(2)
    )
    assert first == again == path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(authorise(state, f"Bearer {first}", permission) == ADA for permission in PERMISSIONS)


def test_a_token_file_of_another_state_is_replaced(state, tmp_path):
    path = tmp_path / "token"
    path.write_text("msp_of_yesterday\n")
    token = load_or_create_token(path, state, actor=ADA, project=PROJECT, at=5)
    assert authorise(state, f"Bearer {token}", "read") == ADA
