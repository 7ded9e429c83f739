"""Names of actors, and the actor that a user of this machine is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements.actor import actor_of_user, parse_actor
from mainspring.elements.errors import NotAnActor


@pytest.mark.parametrize(
    "name",
    ["person:ada", "service:till", "schedule:nightly", "person:Ada.L+x@shop-2", "release:0.1"],
)
def test_a_kind_and_a_name_are_an_actor(name):
    assert parse_actor(name) == name


@given(st.text().filter(lambda text: not re.match(r"[a-z]+:[A-Za-z0-9]", text)))
def test_what_has_no_kind_is_refused_in_a_short_printable_line(text):
    with pytest.raises(NotAnActor) as refused:
        parse_actor(text)
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 120


@pytest.mark.parametrize("end", ["\n", "\0", "/", " ", "\u202e", "é", "a" * 101, ":root", "\ud800"])
def test_what_could_break_a_line_a_path_or_the_eye_is_refused(end):
    with pytest.raises(NotAnActor):
        parse_actor(f"person:ada{end}")


@given(st.text())
def test_every_user_of_a_machine_is_an_actor(user):
    actor = actor_of_user(user)
    assert parse_actor(actor) == actor


@pytest.mark.parametrize(
    ("user", "actor"),
    [
        ("ada", "person:ada"),
        ("SHOP\\ada", "person:SHOP-ada"),
        ("Jürgen", "person:J-rgen"),
        ("-x", "person:x"),
        ("", "person:unknown"),
        ("王", "person:unknown"),
    ],
)
def test_what_a_name_cannot_have_becomes_a_dash(user, actor):
    assert actor_of_user(user) == actor
