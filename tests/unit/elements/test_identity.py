"""Names by content."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from mainspring.elements.identity import canonical_json, digest_of, digest_of_value, short

plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=4)
values = st.recursive(plain, lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3))


def test_a_digest_is_what_sha256sum_prints():
    assert digest_of(b"mainspring") == "sha256:" + hashlib.sha256(b"mainspring").hexdigest()


@given(st.dictionaries(st.text(max_size=3), values, max_size=4))
def test_the_order_in_which_a_record_was_filled_leaves_no_trace(record):
    assert canonical_json(dict(reversed(record.items()))) == canonical_json(record)


def test_whole_and_real_numbers_are_different_values():
    assert digest_of_value(1) != digest_of_value(1.0) != digest_of_value("1")


def test_people_see_twelve_digits():
    assert len(short(digest_of(b""))) == 12
