"""Records of every format are read as they were written, and digested by their own fields."""

from typing import ClassVar

import msgspec
import pytest

from mainspring.elements.errors import NewerFormat, RecordUnreadable
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import digest_of_value
from mainspring.elements.journal import GENESIS, chain_of
from mainspring.elements.stored import (
    FieldsByFormat,
    StoredRecord,
    content_of,
    pack_stored,
    parse_bare,
    parse_stored,
    render_bare,
    render_stored,
    unpack_stored,
)


class Parcel(StoredRecord, frozen=True, kw_only=True):
    """A record that gained a field, and whose other field was renamed."""

    title = "a parcel"
    newest_format = 2
    fields_by_format: ClassVar[FieldsByFormat] = {
        1: ("asked",),
        2: ("asked", "weight", "record_format"),
    }

    wanted: str = msgspec.field(name="asked")
    weight: int | msgspec.UnsetType = msgspec.UNSET


FIRST = b'{"asked":"tea"}'
SECOND = b'{"asked":"tea","record_format":2,"weight":3}'
THIRD = b'{"record_format":3,"wishes":["tea"]}'


def parcel(payload):
    return parse_stored(payload, Parcel)


@pytest.mark.parametrize("payload", [FIRST, SECOND])
def test_a_record_is_written_back_in_the_format_that_it_was_read_in(payload):
    assert render_stored(parcel(payload)) == payload


def test_a_record_without_a_number_is_of_format_one():
    assert (parcel(FIRST).format_number, parcel(SECOND).format_number) == (1, 2)


def test_a_field_that_came_later_is_digested_in_its_own_format_only():
    assert content_of(parcel(FIRST)) == {"asked": "tea"}
    assert content_of(parcel(SECOND)) == {"asked": "tea", "weight": 3, "record_format": 2}


def test_a_field_slipped_into_an_older_record_is_not_taken_for_digested():
    slipped = parcel(b'{"asked":"tea","weight":9}')
    assert content_of(slipped) == content_of(parcel(FIRST))


@pytest.mark.parametrize("payload", [THIRD, b'{"asked":"tea","record_format":3}'])
def test_a_later_format_is_refused_with_what_to_do(payload):
    with pytest.raises(NewerFormat) as refused:
        parse_stored(payload, Parcel, key="of ada")
    told = str(refused.value)
    assert "a parcel of ada is stored in format 3; this release reads up to format 2" in told
    assert "upgrade Mainspring" in told


def test_what_is_no_record_is_not_taken_for_a_later_format():
    with pytest.raises(RecordUnreadable):
        parcel(b'{"asked":1}')


def test_a_packed_record_of_a_later_format_is_refused():
    assert unpack_stored(pack_stored(parcel(SECOND)), Parcel) == parcel(SECOND)
    with pytest.raises(NewerFormat):
        unpack_stored(msgspec.msgpack.encode({"record_format": 3}), Parcel)


def test_a_bare_value_whose_place_a_record_took_is_refused():
    assert parse_bare(render_bare((1, 2)), tuple[int, int], title="a window") == (1, 2)
    with pytest.raises(NewerFormat, match="a window is stored in format 2"):
        parse_bare(b'{"record_format":2}', tuple[int, int], title="a window")


def test_the_chain_digests_the_fields_that_events_had_at_first():
    event = Event(kind="a.b", project=ProjectName("p"), actor=Actor("me"), at=1, subject="s")
    fields = {"kind": "a.b", "project": "p", "actor": "me", "at": 1, "subject": "s"}
    written = fields | {"environment": "", "facts": {}}
    assert chain_of(event, GENESIS) == digest_of_value({"event": written, "previous": ""})
