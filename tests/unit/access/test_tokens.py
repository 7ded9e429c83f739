"""Tokens: how they are made, listed, revoked and exchanged, and what is stored of them."""

import msgspec
import pytest

from mainspring.access.errors import ScopeInvalid, TokenNotFound
from mainspring.access.record import TokenRecord, token_key
from mainspring.access.tokens import DEFAULT_LIFETIME
from mainspring.elements.errors import NotAnActor
from mainspring.elements.stored import parse_stored, render_stored
from mainspring.elements.time import DAY, HOUR
from mainspring.ports.state import Change
from tests.unit.access.conftest import ADA

OLD = "msp_made_by_release_0_1"
OLD_RECORD = b'{"actor":"service:docks","created_at":7,"permissions":["predict","read"]}'


@pytest.fixture
def token(tokens):
    return tokens.create("service:till", ["predict"]).token


@pytest.fixture
def old_id(state, tokens):
    state.commit([Change("token", token_key(OLD), OLD_RECORD, 0)], [])
    [listing] = tokens.list()
    return listing.id


def test_the_token_itself_is_stored_nowhere(state, token):
    stored = [found.payload + found.key.encode() for found in state.iter_documents("token")]
    recorded = [repr(recorded).encode() for recorded in state.iter_events()]
    assert stored
    assert token.encode() not in b"".join(stored + recorded)


def test_the_token_itself_is_in_no_representation(tokens):
    created = tokens.create("service:till", ["predict"])
    assert created.token not in repr(created) + repr(created.listing)


def test_a_token_is_for_its_environment_and_for_ninety_days(tokens):
    listing = tokens.create("service:till", ["predict"]).listing
    assert (listing.environments, listing.endpoints, listing.sources) == (("dev",), None, None)
    assert (listing.expires_at, listing.state) == (DEFAULT_LIFETIME, "valid")
    assert DEFAULT_LIFETIME == 90 * DAY


def test_the_journal_says_who_gave_whom_what(state, tokens):
    listing = tokens.create("service:till", ["predict"], endpoints=["late"], lifetime=HOUR).listing
    [recorded] = state.iter_events(kind="token.created")
    assert (recorded.event.actor, recorded.event.subject) == (ADA, listing.id)
    assert recorded.event.facts == {
        "owner": "service:till",
        "permissions": ["predict"],
        "environments": ["dev"],
        "endpoints": ["late"],
        "sources": None,
        "expires_at": HOUR,
    }


def test_tokens_are_listed_by_id_the_oldest_first(tokens, clock):
    first = tokens.create("service:till", ["read"]).listing
    clock.advance(1)
    second = tokens.create("service:kiosk", ["read"]).listing
    assert tokens.list() == [first, second]


def test_the_id_is_no_part_of_the_token(tokens):
    created = tokens.create("service:till", ["read"])
    assert created.listing.id not in created.token


def test_a_token_that_somebody_holds_is_found(tokens, token):
    assert tokens.find(token) == tokens.list()[0]
    with pytest.raises(TokenNotFound):
        tokens.find(f"{token}x")


def test_a_token_is_revoked_once(state, tokens, token):
    id = tokens.find(token).id
    assert tokens.revoke(id).state == "revoked"
    assert tokens.revoke(id) == tokens.find(token)
    assert [recorded.event.subject for recorded in state.iter_events(kind="token.revoked")] == [id]


@pytest.mark.parametrize("id", ["", "0" * 12, "0" * 11, "../state", "*", "%", "sha256:"])
def test_what_is_no_id_of_a_token_is_not_found(tokens, token, id):
    with pytest.raises(TokenNotFound):
        tokens.revoke(id)
    assert tokens.find(token).state == "valid"


def test_a_token_is_not_found_by_itself_and_not_repeated(tokens, token):
    with pytest.raises(TokenNotFound) as refused:
        tokens.revoke(token)
    assert token not in str(refused.value)


def test_a_successor_has_the_scope_and_the_lifetime(tokens, clock):
    old = tokens.create("service:till", ["read"], endpoints=["late"], lifetime=DAY).listing
    clock.advance(HOUR)
    new = tokens.rotate(old.id).listing
    assert (new.actor, new.permissions, new.endpoints) == (old.actor, old.permissions, ("late",))
    assert (new.created_at, new.expires_at) == (HOUR, HOUR + DAY)
    assert [listing.state for listing in tokens.list()] == ["revoked", "valid"]


def test_an_overlap_ends_the_old_one_later_and_never_prolongs_it(tokens, clock):
    old = tokens.create("service:till", ["read"], lifetime=DAY).listing
    clock.advance(1)
    for overlap in (HOUR, 7 * DAY):
        tokens.rotate(old.id, overlap=overlap)
        assert tokens.list()[0].expires_at == 1 + HOUR


def test_what_is_worth_nothing_has_no_successor(tokens, token, clock):
    clock.advance(DEFAULT_LIFETIME)
    with pytest.raises(ScopeInvalid, match="expired or revoked"):
        tokens.rotate(tokens.find(token).id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"permissions": []},
        {"permissions": ["predikt"]},
        {"environments": []},
        {"environments": ["sta ging"]},
        {"endpoints": []},
        {"endpoints": ["a/b"]},
        {"sources": ["a\nb"]},
        {"lifetime": 0},
        {"lifetime": -1},
        {"lifetime": 2**62},
    ],
    ids=str,
)
def test_a_scope_that_means_nothing_is_refused(tokens, wrong):
    with pytest.raises(ScopeInvalid):
        tokens.create("service:till", **{"permissions": ["read"]} | wrong)
    assert tokens.list() == []


def test_a_token_is_given_to_an_actor_with_a_name(tokens):
    with pytest.raises(NotAnActor):
        tokens.create("the till", ["read"])


def test_a_token_of_release_0_1_is_for_everything_and_has_no_end(tokens, old_id):
    [listing] = tokens.list()
    assert (listing.id, listing.actor, listing.state) == (old_id, "service:docks", "valid")
    assert (listing.environments, listing.endpoints, listing.sources) == (None, None, None)
    assert listing.expires_at is None


def test_a_token_of_release_0_1_is_read_as_it_lies():
    assert render_stored(parse_stored(OLD_RECORD, TokenRecord)) == OLD_RECORD


def test_a_token_of_release_0_1_is_revoked(tokens, old_id):
    assert tokens.revoke(old_id).state == "revoked"


def test_the_successor_of_a_token_of_release_0_1_has_an_end(tokens, old_id):
    new = tokens.rotate(old_id).listing
    assert (new.environments, new.expires_at) == (None, DEFAULT_LIFETIME)


def test_an_older_release_refuses_what_it_cannot_limit(state, token):
    [document] = state.iter_documents("token")
    assert msgspec.json.decode(document.payload)["record_format"] == 2


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"record_format":9}', b"[" * 9_999])
def test_a_record_that_cannot_be_read_is_listed_and_revoked(state, tokens, payload):
    state.commit([Change("token", token_key("msp_x"), payload)], [])
    [listing] = tokens.list()
    assert (listing.state, listing.permissions) == ("unreadable", ())
    tokens.revoke(listing.id)
    assert tokens.list() == []
