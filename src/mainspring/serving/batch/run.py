"""Run a batch: block after block, from where an earlier attempt was killed, and the output at the
end.

The order is what makes it exact: a block is in the inference log before its part exists, and the
output is made of parts alone.  A kill before a part costs its block again, with the same ids, which
the log is asked for first; a kill after the last part costs the output again, of the same bytes.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from mainspring.elements.errors import MainspringError
from mainspring.elements.identity import digest_of_value
from mainspring.elements.time import Micros
from mainspring.features.history.reader import HistoryReader
from mainspring.features.view import with_lookups
from mainspring.serving.batch.answer import AnsweredBlock, answer_block
from mainspring.serving.batch.cast import cast_block
from mainspring.serving.batch.errors import (
    BatchChanged,
    BatchInputUnusable,
    BatchOutputUnusable,
    BatchRowsRefused,
)
from mainspring.serving.batch.folder import BatchFolder
from mainspring.serving.batch.input import iter_blocks, reading_input
from mainspring.serving.batch.job import (
    PREDICTION_TIME,
    BatchJob,
    BatchOptions,
    BatchProgress,
    BatchReport,
)
from mainspring.serving.batch.output import output_block, output_columns
from mainspring.serving.batch.places import RowSink, RowSource
from mainspring.serving.explain import Explainer
from mainspring.serving.predict import ServedModel
from mainspring.sources.topic import topic_of

__all__ = ["BatchEndpoint", "BatchPlaces", "run_batch"]

_SHOWN = 5


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchEndpoint:
    """What answers a batch.

    Args:
        revision: the name of what is in charge.
        history: reads facts below the offsets that it is given by topic.
        head: the offset that a topic has reached.
        now: the present instant of the data.
        record: puts the predictions of a block on record, each once.
        explainer: says what features have added, where that is asked for.
    """

    name: str
    environment: str
    revision: str
    model: ServedModel
    history: Callable[[dict[str, int]], HistoryReader]
    head: Callable[[str], int]
    now: Callable[[], Micros]
    record: Callable[[BatchJob, AnsweredBlock, int], None]
    explainer: Explainer | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchPlaces:
    """Where a batch reads, works and writes.

    Args:
        restart: whether to forget what an earlier attempt has answered.
        overwrite: whether the output may take the place of another.
    """

    source: RowSource
    sink: RowSink
    folder: BatchFolder
    restart: bool = False
    overwrite: bool = False


def run_batch(
    endpoint: BatchEndpoint,
    places: BatchPlaces,
    options: BatchOptions,
    *,
    progress: BatchProgress = lambda *_: None,
) -> BatchReport:
    """Answer every row of the input, in its order, into the output.

    Raises: BatchInputUnusable SRV-085, BatchOutputUnusable SRV-086, BatchChanged SRV-087,
        BatchRowsRefused SRV-088, FormatCannotHold FEA-060.
    Cost: reads the facts that a block can see once for each block; two copies of the output on
        disk; memory for `rows_at_once` rows.
    """
    with places.folder.held():
        try:
            job = _begun(endpoint, places, options)
        except MainspringError:
            places.folder.remove_unbegun()
            raise
        report = _Batch(endpoint, places, job).run(progress)
        places.folder.remove()
        return report


def _begun(endpoint: BatchEndpoint, places: BatchPlaces, options: BatchOptions) -> BatchJob:
    """The job that goes on, or a new one."""
    folder, source, sink = places.folder, places.source, places.sink
    if places.restart:
        folder.forget()
    begun = folder.job()
    if begun is None and sink.exists() and not places.overwrite:
        raise BatchOutputUnusable(file=sink.name, problem="exists already")
    identity = source.identity(folder.path)
    if begun is not None:
        _require_same(begun, endpoint, places, options, identity=identity)
        return begun
    scan, path = source.scan(folder.path, identity)
    with reading_input(path):
        columns = scan.collect_schema()
        rows = int(scan.select(pl.len()).collect(engine="streaming").item())
    _require_columns(endpoint.model, columns, options, source.name)
    sink.refuse_unwritable(output_columns(columns, options, endpoint.model))
    views = with_lookups(endpoint.model.training_set.views)
    topics = {topic_of(each.stream) for view in views for each in view.view.sources}
    at = endpoint.now() if options.at is None else options.at
    job = BatchJob(
        id="",
        endpoint=endpoint.name,
        environment=endpoint.environment,
        source=source.name,
        output=sink.name,
        input=identity,
        version=endpoint.model.version,
        revision=endpoint.revision,
        at=at,
        read_at={topic: endpoint.head(topic) for topic in sorted(topics)},
        rows=rows,
        options=options,
        provider=endpoint.model.provider or msgspec.UNSET,
    )
    job = _named(job)
    folder.begin(job)
    return job


def _named(job: BatchJob) -> BatchJob:
    """The job under the name of what its rows are answered from: doing it twice gives one id."""
    said = [job.endpoint, job.environment, job.input, job.version, job.at, job.read_at]
    asked = [job.options.time_column, job.options.rows_at_once]
    asked += [] if isinstance(job.provider, msgspec.UnsetType) else [job.provider]
    return msgspec.structs.replace(job, id=digest_of_value([*said, *asked])[7:23])


def _require_same(
    begun: BatchJob,
    endpoint: BatchEndpoint,
    places: BatchPlaces,
    options: BatchOptions,
    *,
    identity: str,
) -> None:
    """Raises: BatchChanged SRV-087."""
    pinned = begun.input.startswith("version:")
    changes = {
        "the endpoint": begun.endpoint == endpoint.name,
        "the environment": begun.environment == endpoint.environment,
        f"the input {places.source.name}": (
            begun.source == places.source.name and (pinned or begun.input == identity)
        ),
        "the model in charge": begun.version == endpoint.model.version,
        "what the model computes on": begun.provider == (endpoint.model.provider or msgspec.UNSET),
        "an option": begun.options == options,
    }
    for what, is_same in changes.items():
        if not is_same:
            raise BatchChanged(file=places.sink.name, what=what)


def _require_columns(
    model: ServedModel, columns: pl.Schema, options: BatchOptions, name: str
) -> None:
    """Raises: BatchInputUnusable SRV-085 for a file that lacks what the model or an option asks."""
    fields = [*model.training_set.request_schema.names, *(options.columns or ())]
    asked = [*fields, *([options.time_column] if options.time_column else [])]
    missing = [each for each in dict.fromkeys(asked) if each not in columns]
    if missing:
        raise BatchInputUnusable(
            file=name,
            problem=f"lacks {', '.join(missing)}; it has {', '.join(columns) or 'no column'}",
        )


@dataclass(frozen=True, eq=False)
class _Batch:
    """One batch at work."""

    endpoint: BatchEndpoint
    places: BatchPlaces
    job: BatchJob

    def run(self, progress: BatchProgress) -> BatchReport:
        """Answer what is left, and write the output."""
        job, folder = self.job, self.places.folder
        step, parts = job.options.rows_at_once, folder.parts()
        begin = min(len(parts) * step, job.rows)
        scan, path = self.places.source.scan(folder.path, job.input)
        columns, done = scan.collect_schema(), begin
        progress(done, job.rows)
        for block in iter_blocks(scan, start=begin, rows=step, path=path):
            folder.add(len(parts), self._answer(block, done))
            parts, done = folder.parts(), done + block.height
            progress(done, job.rows)
        if not parts:
            folder.add(0, self._answer(columns.to_frame(), 0))
            parts = folder.parts()
        if done != job.rows or not self.places.source.is_unchanged():
            raise BatchChanged(file=self.places.sink.name, what=f"the input {job.source}")
        report = self._report(parts, begin, time_column=self._time_in(columns))
        self.places.sink.write(parts, folder.path, job=job.id)
        return report

    def _answer(self, block: pl.DataFrame, first: int) -> pl.DataFrame:
        job, model = self.job, self.endpoint.model
        training_set, time = model.training_set, self._time_in(block.columns)
        cast = cast_block(
            block,
            training_set.request_schema,
            passthrough=training_set.label_key_schema,
            time=time or job.at,
            now=max(job.at, self.endpoint.now()) if job.options.at is None else job.at,
        )
        answered = answer_block(
            model, cast, self.endpoint.history(job.read_at), explainer=self.endpoint.explainer
        )
        reasons = answered.faults.reasons
        if reasons and job.options.bad_rows == "refuse":
            row = min(reasons)
            raise BatchRowsRefused(
                file=job.source, rows=len(reasons), first=f"row {first + row}: {reasons[row]}"
            )
        if job.options.log:
            self.endpoint.record(job, answered, first)
        return output_block(block, answered, job=job, label=model.label, first=first)

    def _time_in(self, columns: Collection[str]) -> str:
        """The column that has each row's time; empty where all are answered as of one."""
        named = self.job.options.time_column
        return named or (PREDICTION_TIME if PREDICTION_TIME in columns else "")

    def _report(self, parts: list[Path], begin: int, *, time_column: str) -> BatchReport:
        job = self.job
        bad = pl.scan_parquet(parts).with_row_index("row").filter(pl.col("error").is_not_null())
        count = int(bad.select(pl.len()).collect().item())
        first = bad.select("row", "error").head(_SHOWN).collect()
        return BatchReport(
            job=job.id,
            endpoint=job.endpoint,
            version=self.endpoint.model.label,
            revision=job.revision,
            out=job.output,
            rows=job.rows,
            bad=count,
            first_bad=tuple((int(row), str(error)) for row, error in first.iter_rows()),
            logged=job.rows - count if job.options.log else 0,
            resumed_at=begin,
            execution=str(self.endpoint.model.scorer.placed),
            time_column=time_column,
            at=job.at,
        )
