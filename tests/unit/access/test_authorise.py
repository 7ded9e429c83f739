"""Who is let in, by which token, and what is recorded of it."""

import pytest

from mainspring.access.authorise import TokenGuard
from mainspring.access.errors import NotPermitted, OutOfScope, TokenMissing, TokenUnknown
from mainspring.access.record import token_key
from mainspring.access.scope import Demand
from mainspring.access.tokens import Tokens
from mainspring.elements.time import DAY, HOUR, MINUTE, SECOND
from mainspring.engines.local.state import SqliteState
from mainspring.ports.errors import StoreGone
from mainspring.ports.state import Change
from tests.unit.access.conftest import ADA, PROJECT

PREDICT = Demand("predict", "endpoint", "late")


@pytest.fixture
def created(tokens):
    return tokens.create("service:till", ["predict"], lifetime=DAY)


@pytest.fixture
def header(created):
    return f"Bearer {created.token}"


def last_use(tokens):
    [listing] = tokens.list()
    return listing.last_used_at


def refusals(state):
    return [recorded.event for recorded in state.iter_events(kind="token.refused")]


def test_a_token_gives_its_actor_what_it_permits(guard, header):
    assert guard.authorise(header, PREDICT) == "service:till"


def test_the_scheme_is_read_in_any_case(guard, created):
    assert guard.authorise(f"bearer  {created.token} ", PREDICT) == "service:till"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic YTpi", "msp_abc"])
def test_a_request_without_a_token_is_refused(guard, header):
    with pytest.raises(TokenMissing):
        guard.authorise(header, PREDICT)


def test_what_is_not_permitted_is_denied(guard, header):
    with pytest.raises(NotPermitted, match="service:till may not ingest"):
        guard.authorise(header, Demand("ingest", "source", "sales"))


def test_a_token_is_worth_nothing_in_another_environment(state, clock, header):
    staging = TokenGuard(state, project=PROJECT, environment="staging", clock=clock)
    with pytest.raises(OutOfScope, match="not for environment 'staging'"):
        staging.authorise(header, PREDICT)


def test_a_token_of_all_environments_is_for_each(tokens, state, clock):
    token = tokens.create("service:till", ["predict"], all_environments=True).token
    staging = TokenGuard(state, project=PROJECT, environment="staging", clock=clock)
    assert staging.authorise(f"Bearer {token}", PREDICT) == "service:till"


def test_unknown_expired_and_revoked_are_told_alike(guard, tokens, clock, created, header):
    with pytest.raises(TokenUnknown) as unknown:
        guard.authorise("Bearer msp_nobody", PREDICT)
    clock.advance(DAY)
    with pytest.raises(TokenUnknown) as expired:
        guard.authorise(header, PREDICT)
    tokens.revoke(created.listing.id)
    with pytest.raises(TokenUnknown) as revoked:
        guard.authorise(header, PREDICT)
    said = {str(each.value) for each in (unknown, expired, revoked)}
    assert len(said) == 1


def test_a_token_is_valid_until_the_instant_it_expires(guard, clock, header):
    clock.advance(DAY - 1)
    guard.authorise(header, PREDICT)
    clock.advance(1)
    with pytest.raises(TokenUnknown):
        guard.authorise(header, PREDICT)


def test_what_is_recorded_of_a_use_is_written_once_a_minute(guard, state, tokens, clock, header):
    for _ in range(100):
        guard.authorise(header, PREDICT)
        guard.record()
        clock.advance(SECOND)
    [use] = state.iter_documents("token_use")
    assert use.version == 2
    assert last_use(tokens) == MINUTE


def test_a_use_writes_nothing_by_itself(guard, state, tokens, header):
    guard.authorise(header, PREDICT)
    assert last_use(tokens) is None
    assert "token_use" not in state.kinds()


def test_the_last_use_is_written_when_a_server_ends(guard, tokens, clock, header):
    guard.authorise(header, PREDICT)
    guard.record()
    clock.advance(SECOND)
    guard.authorise(header, PREDICT)
    guard.record(everything=True)
    assert last_use(tokens) == SECOND


def test_noting_a_use_does_not_undo_a_revocation(guard, tokens, created, header):
    guard.authorise(header, PREDICT)
    tokens.revoke(created.listing.id)
    guard.record()
    with pytest.raises(TokenUnknown):
        guard.authorise(header, PREDICT)


def test_refusals_are_counted_and_recorded_once_in_ten_minutes(guard, state, clock):
    for _ in range(1_200):
        with pytest.raises(TokenUnknown):
            guard.authorise("Bearer msp_nobody", PREDICT)
        guard.record()
        clock.advance(SECOND)
    assert [event.facts["count"] for event in refusals(state)] == [1, 600]


def test_what_could_not_be_recorded_is_recorded_later(tmp_path, clock):
    path, away = tmp_path / "state.db", tmp_path / "away.db"
    state = SqliteState(path, PROJECT, clock=clock)
    token = Tokens(state, actor=ADA, project=PROJECT, environment="dev", clock=clock)
    header = f"Bearer {token.create('service:till', ['predict']).token}"
    guard = TokenGuard(state, project=PROJECT, environment="dev", clock=clock)

    def ask():
        guard.authorise(header, PREDICT)
        with pytest.raises(NotPermitted):
            guard.authorise(header, Demand("read"))

    ask()
    path.rename(away)
    with pytest.raises(StoreGone):
        guard.record()
    ask()
    away.rename(path)
    guard.record()
    assert last_use(token) == clock.now()
    assert [event.facts["count"] for event in refusals(state)] == [2]


def test_a_refusal_names_the_token_by_its_id_and_what_was_missing(guard, state, created, header):
    with pytest.raises(NotPermitted):
        guard.authorise(header, Demand("read"))
    guard.record()
    [event] = refusals(state)
    assert (event.subject, event.actor, event.environment) == (
        created.listing.id,
        "service:till",
        "dev",
    )
    assert event.facts == {"code": "ACC-003", "count": 1, "last": "service:till may not read"}


def test_an_unknown_token_is_in_no_record(guard, state):
    for sent in ("msp_my_password", "x" * 300, "a, Bearer b"):
        with pytest.raises(TokenUnknown):
            guard.authorise(f"Bearer {sent}", PREDICT)
    guard.record()
    [event] = refusals(state)
    assert (event.subject, event.actor, event.facts["count"]) == ("", "service:server", 3)
    assert "msp_my_password" not in repr(event)


def test_nothing_is_written_while_nothing_happened(guard, state, header):
    head = state.journal_head()
    guard.record(everything=True)
    assert state.journal_head() == head


def test_a_token_of_release_0_1_goes_on_working(guard, state, clock):
    old = b'{"actor":"the docks","created_at":7,"permissions":["predict"]}'
    state.commit([Change("token", token_key("msp_old"), old)], [])
    clock.advance(1_000 * HOUR * 24)
    assert guard.authorise("Bearer msp_old", PREDICT) == "the docks"


@pytest.mark.parametrize(
    ("scope", "kind", "name", "is_held"),
    [
        ({"endpoints": ["late"]}, "endpoint", "late", True),
        ({"endpoints": ["late"]}, "endpoint", "early", False),
        ({"endpoints": ["late"]}, "endpoint", "Late", False),
        ({"endpoints": ["late"]}, "source", "sales", True),
        ({"sources": ["sales"]}, "source", "sales", True),
        ({"sources": ["sales"]}, "source", "sales2", False),
        ({"sources": ["sales"]}, "environment", "", False),
        ({"endpoints": ["late"]}, "environment", "", False),
        ({"endpoints": ["late"], "sources": ["sales"]}, "", "", True),
        ({}, "environment", "", True),
    ],
)
def test_a_token_is_for_what_it_names(guard, tokens, scope, kind, name, is_held):
    token = tokens.create("service:till", ["read"], **scope).token
    demand = Demand("read", kind, name)
    if is_held:
        assert guard.authorise(f"Bearer {token}", demand) == "service:till"
    else:
        with pytest.raises(OutOfScope):
            guard.authorise(f"Bearer {token}", demand)
