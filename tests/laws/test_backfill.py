"""A backfill is a function of the set of facts: neither the order of their rows nor the parts they
are spilled in can be told from its answer.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.elements.expression import col
from mainspring.elements.time import MINUTE
from mainspring.engines.local.tables import MemoryTables
from mainspring.features.errors import FeatureOverflow
from mainspring.features.history.backfill import backfill_view
from mainspring.features.history.file import backfill_file
from mainspring.features.history.gather import gather_facts, gather_keys
from mainspring.features.history.query import columns_read
from mainspring.features.history.reader import HistoryReader
from mainspring.features.history.spill import answer_parts, spill_facts
from mainspring.features.requested import RequestedView
from mainspring.features.view import CompiledView
from mainspring.sources.facts import read_source_rows, scan_source_rows
from mainspring.sources.fold import materialize_table
from tests.proof.declared import VIEWS
from tests.proof.drawn import histories
from tests.proof.history import History, history_of
from tests.proof.reading import logged, spine_of
from tests.unit.features.history import facts_of, landing, windowed

EVERY_VIEW = pytest.mark.parametrize(
    "view", [view.compiled for view in VIEWS.values()], ids=list(VIEWS)
)
SUMS = VIEWS["sums"].compiled


FACT = ("_id", "_event_time", "_visible_from", "_visible_to")


def spilled(
    view: CompiledView, facts: pl.DataFrame, spine: pl.DataFrame, *, partitions: int
) -> pl.DataFrame:
    """What `HistoryReader` answers of facts that it spills, into so many parts."""
    answers = []
    for entity in view.view.entities:
        own = facts.select(*columns_read(view, [entity]), *FACT)
        with TemporaryDirectory() as folder:
            parts = spill_facts(entity, [own], Path(folder) / "facts", partitions=partitions)
            answers.append(answer_parts(view, entity, parts, spine, none=own.clear()))
    return pl.concat(answers, how="horizontal")


def known(view: CompiledView, history: History) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The facts of the view and the questions, with the keys that other views know."""
    log = logged(history.deliveries)

    def facts_of(each: CompiledView) -> pl.DataFrame:
        return gather_facts(
            each, lambda source: read_source_rows(source, log=log, schema=each.schema)
        )

    return facts_of(view), gather_keys(view, facts_of, spine_of(history.questions))


@EVERY_VIEW
@given(history=histories(), seed=st.integers(0, 2**32))
@settings(max_examples=16, deadline=None)
def test_the_order_of_the_facts_changes_nothing(
    view: CompiledView, history: History, seed: int
) -> None:
    facts, spine = known(view, history)
    shuffled = facts.sample(fraction=1.0, shuffle=True, seed=seed)
    assert backfill_view(view, shuffled, spine).equals(backfill_view(view, facts, spine))


@EVERY_VIEW
@given(history=histories(), descending=st.booleans(), seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_facts_that_lie_by_key_and_time_are_answered_as_any_others(
    view: CompiledView, history: History, descending: bool, seed: int
) -> None:
    facts, spine = known(view, history)
    answer = backfill_view(view, facts, spine)
    for entity in view.view.entities:
        by_key = facts.sample(fraction=1.0, shuffle=True, seed=seed).sort(
            *entity.join_keys,
            "_event_time",
            descending=[descending] * len(entity.join_keys) + [False],
            maintain_order=True,
        )
        assert backfill_view(view, by_key, spine).equals(answer)


def reader(history: History, *, is_folded: bool, memory_bytes: int | None) -> HistoryReader:
    """Reads what the log of a history has, or a table that lies in another order."""
    log, tables = logged(history.deliveries), MemoryTables()
    for topic in log.topics() if is_folded else ():
        if topic.startswith("source:"):
            materialize_table(topic, log=log, tables=tables)
            tables.vacuum(topic, retain=0, order=("_event_time", "_content"))
    scan = partial(scan_source_rows, log=log, tables=tables if is_folded else None)
    return HistoryReader(scan=scan, memory_bytes=memory_bytes)


@EVERY_VIEW
@given(
    history=histories(),
    is_folded=st.booleans(),
    memory_bytes=st.sampled_from([None, 2_000]),
    rows=st.integers(0, 3),
)
@settings(max_examples=6, deadline=None)
def test_what_rows_cannot_see_need_not_be_read(
    view: CompiledView, history: History, is_folded: bool, memory_bytes: int | None, rows: int
) -> None:
    facts, keyed = known(view, history)
    asked = spine_of(history.questions)
    history_reader = reader(history, is_folded=is_folded, memory_bytes=memory_bytes)
    for place in (slice(0, None), slice(rows, rows + 1)):
        expected = backfill_view(view, facts, keyed[place])
        assert history_reader.answer(view, asked[place]).equals(expected)


@EVERY_VIEW
@given(history=histories(), chunks=st.integers(1, 5), memory_bytes=st.sampled_from([None, 2_000]))
@settings(max_examples=4, deadline=None)
def test_a_file_that_is_answered_in_chunks_is_answered_as_a_whole(
    view: CompiledView, history: History, chunks: int, memory_bytes: int | None
) -> None:
    own = reader(history, is_folded=True, memory_bytes=memory_bytes)
    asked = spine_of(history.questions)
    rows = -(-asked.height // chunks) or 1
    names = [field.name for field in view.key_fields]
    with TemporaryDirectory() as folder:
        spine, out = Path(folder, "spine.parquet"), Path(folder, "out.parquet")
        asked.select(*names, prediction_time="_prediction_time").write_parquet(spine)
        requested = [RequestedView(view, view.column_names)]
        backfill_file(
            requested, spine, out, reader=own, progress=lambda *_: None, rows_at_once=rows
        )
        answer = pl.read_parquet(out).select(view.column_names)
    assert answer.equals(own.answer(view, asked))


@EVERY_VIEW
@given(history=histories(), partitions=st.sampled_from([1, 2, 7]))
@settings(max_examples=30, deadline=None)
def test_spilling_by_key_changes_nothing(
    view: CompiledView, history: History, partitions: int
) -> None:
    facts, spine = known(view, history)
    assert spilled(view, facts, spine, partitions=partitions).equals(
        backfill_view(view, facts, spine)
    )


@pytest.mark.parametrize("partitions", [3, 64])
def test_a_long_history_is_answered_the_same_when_it_is_spilled(partitions: int) -> None:
    facts, spine = known(SUMS, history_of(5, size=3_000, asked=200))
    assert spilled(SUMS, facts, spine, partitions=partitions).equals(
        backfill_view(SUMS, facts, spine)
    )


def test_a_spilled_backfill_leaves_nothing_behind(tmp_path) -> None:
    history = history_of(4, size=20)
    own = replace(reader(history, is_folded=True, memory_bytes=1), folder=tmp_path)
    answer = own.answer(SUMS, known(SUMS, history)[1])
    assert answer["everywhere__n__5h"].max() > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("partitions", [1, 5])
def test_a_sum_that_overflows_in_a_spilled_history_is_told_by_the_row_of_the_whole_spine(
    partitions: int,
) -> None:
    view = windowed(total=col("bags").sum())
    facts = facts_of(
        [
            landing(5, city="LGA", bags=2**62),
            landing(6, city="LGA", bags=2**62),
            landing(6, city="JFK", bags=1),
        ]
    )
    spine = pl.DataFrame(
        {"city": ["JFK", "JFK", "nowhere", "LGA"], "_prediction_time": [7 * MINUTE] * 4}
    )
    with pytest.raises(FeatureOverflow) as raised:
        spilled(view, facts, spine, partitions=partitions)
    assert raised.value.row == 3


def test_of_several_sums_that_overflow_in_parts_the_first_row_is_told() -> None:
    view, cities = windowed(total=col("bags").sum()), [f"C{number}" for number in range(12)]
    facts = facts_of(
        [landing(minute, city=city, bags=2**62) for city in cities for minute in (5, 6)]
    )
    spine = pl.DataFrame({"city": ["nowhere", *cities], "_prediction_time": [7 * MINUTE] * 13})
    for partitions in (2, 7, 64):
        with pytest.raises(FeatureOverflow) as raised:
            spilled(view, facts, spine, partitions=partitions)
        assert raised.value.row == 1


def test_questions_go_to_the_part_of_the_key_that_another_view_knew() -> None:
    view = VIEWS["through"].compiled
    for seed in range(1, 9):
        facts, spine = known(view, history_of(seed, size=60))
        assert spilled(view, facts, spine, partitions=7).equals(backfill_view(view, facts, spine))
