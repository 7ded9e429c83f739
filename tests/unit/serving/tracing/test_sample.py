"""Which predictions are looked at again."""

import msgspec
import pytest

from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.tracing.sample import is_sampled

RECORD = PredictionRecord(
    id="p",
    version="sha256:0",
    map_version=1,
    at=0,
    declared_at=None,
    request={"city": "JFK"},
    features=[],
    read_at={},
    score=0.5,
    actor="person:ada",
)
RECORDS = [
    msgspec.structs.replace(RECORD, at=at, request={"city": city})
    for at in range(1_000)
    for city in ("JFK", "LGA", None)
]


@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_about_so_many_are_chosen_of_every_key(rate):
    for city in ("JFK", "LGA", None):
        chosen = sum(
            is_sampled(record, rate) for record in RECORDS if record.request["city"] == city
        )
        assert 0.4 * rate < chosen / 1_000 < 2 * rate


def test_a_larger_share_holds_the_smaller_one_and_the_whole_holds_all():
    few, more = (
        {record.at for record in RECORDS[::3] if is_sampled(record, rate)} for rate in (0.05, 0.1)
    )
    assert few < more
    assert all(is_sampled(record, 1.0) for record in RECORDS)
    assert not any(is_sampled(record, 0.0) for record in RECORDS)


def test_nothing_but_the_question_and_its_moment_decides():
    other = msgspec.structs.replace(RECORD, id="q", score=0.1, features=[1.0], actor="person:bea")
    assert is_sampled(RECORD, 0.5) == is_sampled(other, 0.5)
