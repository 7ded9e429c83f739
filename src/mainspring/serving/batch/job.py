"""What a batch prediction is: how it was asked for, what it was pinned to, and what came of it."""

from collections.abc import Callable
from typing import Literal

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros

__all__ = [
    "PREDICTION_TIME",
    "BatchJob",
    "BatchOptions",
    "BatchProgress",
    "BatchReport",
]

PREDICTION_TIME = "prediction_time"
"""The column that holds each row's prediction time where no other is named."""

BatchProgress = Callable[[int, int], None]
"""Told for how many rows there is an answer, and of how many."""


class BatchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of a batch are to be answered.

    Args:
        time_column: the column with each row's prediction time; empty: `prediction_time` where the
            input has it, else every row is of one time.
        at: that time; None: the start of the batch.
        bad_rows: `report`: a row that cannot be answered has no score, and says why in `error`;
            `refuse`: the first block with such a row ends the batch.
        log: whether the predictions go to the inference log, where monitors count them.
        explain: whether the output says what each feature has added to the raw score.
        columns: the columns of the input that the output carries; None: all.
        rows_at_once: how many rows are in memory at a time, and are done again at most after a
            kill.
    """

    time_column: str = ""
    at: Micros | None = None
    bad_rows: Literal["report", "refuse"] = "report"
    log: bool = False
    explain: bool = False
    columns: tuple[str, ...] | None = None
    rows_at_once: int = 65_536


class BatchJob(StoredRecord, frozen=True, kw_only=True):
    """A batch at work: what its rows are answered from, so that it goes on as it began.

    Args:
        id: names the job, and in it each prediction by its row.
        input: the identity of what is read: a digest, the tag of an object or a table's version.
        version: the digest of the model version that answers.
        at: q of rows without a time of their own.
        read_at: by topic the offset up to which facts are read (L).
        rows: how many the input has.
        provider: what the model computes on; unset for the CPU.
    """

    title = "a batch job"

    id: str
    endpoint: str
    environment: str
    source: str
    output: str
    input: str
    version: Digest
    revision: str
    at: Micros
    read_at: dict[str, int]
    rows: int
    options: BatchOptions
    provider: str | msgspec.UnsetType = msgspec.UNSET


class BatchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch has done.

    Args:
        rows: the rows of input and output; `bad` of them have an error in place of a score.
        first_bad: the first few of these: the row, from 0, and what is wrong.
        logged: how many predictions are in the inference log.
        resumed_at: the rows that an earlier attempt had answered.
        execution: what the model computed on, and why where that is a fallback.
        time_column: the column with the time as of which each row was answered; empty where all
            were answered as of `at`.
    """

    job: str
    endpoint: str
    version: str
    revision: str
    out: str
    rows: int
    bad: int
    first_bad: tuple[tuple[int, str], ...]
    logged: int
    resumed_at: int
    execution: str = "cpu"
    time_column: str = ""
    at: Micros = 0
