"""A record is rendered and read back, and its frames are found in whatever messages hold them."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.engines.nats.envelope import (
    Append,
    Frame,
    Parts,
    RecordShare,
    Trim,
    encode_frames,
    iter_locations,
    iter_streams,
    parse_record,
    read_frame,
    render_record,
)
from mainspring.ports.errors import StoreDamaged
from mainspring.testing.contracts.log import records

frames = st.lists(st.builds(Frame, st.integers(1, 99), st.integers(1, 50)), max_size=5).map(tuple)
parts = st.none() | st.builds(
    Parts, st.lists(st.integers(1, 2**40), min_size=1).map(tuple), st.integers(1, 2**20)
)
shares = st.lists(
    st.builds(RecordShare, st.text(min_size=1), st.none() | st.integers(0, 2**40), frames),
    max_size=3,
).map(tuple)
numbers = st.integers(0, 2**40)


@given(
    st.builds(Append, shares, parts)
    | st.builds(Trim, st.text(), numbers, numbers, numbers, numbers, frames, parts),
    st.binary(),
)
def test_parsing_inverts_rendering(record: Append | Trim, body: bytes) -> None:
    data = render_record(record, body)
    parsed, body_at = parse_record(data, message=1)
    assert (parsed, data[body_at:]) == (record, body)


@pytest.mark.parametrize(
    "data", [b"", b"MSL1", b"MSL2\0\0\0\0", b"MSL1\0\0\0\x01\xc1", render_record(Append(()))[:-1]]
)
def test_what_is_no_record_is_named_with_its_message(data: bytes) -> None:
    with pytest.raises(StoreDamaged, match="message 17 "):
        parse_record(data, message=17)


@given(frames, st.integers(1, 60))
def test_a_frame_is_found_in_the_parts_that_hold_it(frames: tuple[Frame, ...], size: int) -> None:
    body = bytes(number % 251 for number in range(sum(frame.size_bytes for frame in frames)))
    pieces = {
        100 + number: body[at : at + size] for number, at in enumerate(range(0, len(body), size))
    }
    places = iter_locations(frames, Parts(tuple(pieces), size), message=999, body_at=0)
    found = [
        b"".join(pieces[message] for message in place.messages)[
            place.at : place.at + place.size_bytes
        ]
        for place in places
    ]
    assert found == [bytes(stream or b"") for stream in iter_streams(frames, body, body_at=0)]


def test_a_large_frame_is_cut_and_read_back_in_order() -> None:
    frame = records([f"{number}" for number in range(40_000)])
    frames, body = encode_frames(frame)
    assert [each.rows for each in frames] == [16_384, 16_384, 7_232]
    assert pl.concat(
        read_frame(stream) for stream in iter_streams(frames, body, body_at=0) if stream is not None
    ).equals(frame)
