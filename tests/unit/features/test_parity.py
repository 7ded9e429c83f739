"""The check that what a model was trained on is what it will be served."""

import polars as pl

from mainspring.elements.expression import col
from mainspring.elements.time import MINUTE
from mainspring.engines.local.online import SqliteOnline
from mainspring.features.history.backfill import backfill_view
from mainspring.features.online.parity import check_parity, sample_instants
from tests.unit.features.history import facts_of, landing, log_of, windowed

VIEW = windowed(total=col("delay").sum())
HISTORY = [landing(minute, delay=0.1 * minute) for minute in range(30)]


def expected_rows(*minutes):
    spine = pl.DataFrame(
        {
            "city": ["JFK"] * len(minutes),
            "_id": [str(m) for m in minutes],
            "_prediction_time": [m * MINUTE for m in minutes],
        }
    )
    return spine.hstack(backfill_view(VIEW, facts_of(HISTORY), spine))


def test_a_backfill_and_the_stream_agree():
    report = check_parity(
        [VIEW], expected_rows(12, 13, 20), log=log_of(HISTORY), online=SqliteOnline(None)
    )
    assert (report.rows, report.values, report.differing, report.example) == (3, 3, 0, "")


def test_one_bit_of_difference_is_found_and_named():
    rows = expected_rows(12, 13).with_columns(pl.col("city__total__10m") * (1 + 2**-52))
    report = check_parity([VIEW], rows, log=log_of(HISTORY), online=SqliteOnline(None))
    assert report.differing == 2
    assert report.example.startswith("city__total__10m of 12 at 1970-01-01T00:12:00Z: backfilled ")


def test_minus_zero_is_not_zero():
    rows = expected_rows(300).with_columns(city__total__10m=pl.lit(-0.0))
    assert check_parity([VIEW], rows, log=log_of(HISTORY), online=SqliteOnline(None)).differing == 1


def test_sampled_instants_are_distinct_ordered_and_repeat_with_the_seed():
    times = [5, 3, 3, 9, 1] * 10
    sample = sample_instants(times, instants=3, seed=7)
    assert sample == sorted(set(sample)) == sample_instants(times, instants=3, seed=7)
    assert sample_instants(times, instants=99, seed=7) == [1, 3, 5, 9]
