"""Bodies in their form, and records as JSON."""

import json

import msgspec
import pytest

from mainspring.ports.body import parse_body
from mainspring.ports.errors import BadRequest, BodyTooComplex
from mainspring.ports.http import Call, json_reply


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """A body with one field."""

    rows: list[int]


def test_a_body_is_read_in_its_form():
    assert parse_body(b'{"rows": [1]}', Body) == Body(rows=[1])


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b'{"rows": ["a"]}', b'{"rows": [], "more": 1}', b"\xff"],
    ids=lambda payload: repr(payload[:20]),
)
def test_a_body_of_another_form_is_refused_whatever_its_bytes_are(payload):
    with pytest.raises(BadRequest, match="SRV-004"):
        parse_body(payload, Body)


def test_a_record_is_rendered_with_its_type():
    reply = json_reply(Body(rows=[1]), 202)
    assert reply[:4] == (202, b'{"rows":[1]}', "application/json", {})


def test_nobody_is_the_actor_of_a_call_that_was_not_authorised():
    assert Call("GET").actor == ""


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b"[" * 100_000, "100,000 levels"),
        (b'{"rows": [' + b"[" * 32 + b"]" * 32 + b"]}", "34 levels"),
        (b'{"rows": ["' + b"]" * 50 + b'", ' + b"[" * 40 + b"]" * 40 + b"]}", "42 levels"),
        (b'{"rows": [' + b"[]," * 600_000 + b"[]]}", "too many values"),
    ],
    ids=lambda payload: repr(payload[:20]),
)
def test_a_body_that_would_take_much_memory_is_refused_before_it_is_decoded(payload, found):
    with pytest.raises(BodyTooComplex, match=found):
        parse_body(payload, Body)


def test_brackets_and_commas_of_texts_are_no_values():
    text = '[{,"\\' * 400_000
    assert parse_body(json.dumps([text]).encode(), list[str]) == [text]
