"""What a workspace predicts: rows, whole files of them, and why a prediction was what it was."""

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from mainspring.app.batch_places import open_places
from mainspring.app.data_access import DataAccess
from mainspring.app.data_plane import open_explainers
from mainspring.elements.arguments import checks_arguments, require_within
from mainspring.elements.declaration import Named, name_of
from mainspring.elements.errors import WrongArgument
from mainspring.elements.events import Event, EventValue
from mainspring.elements.foreign_frame import GivenRows, plain_rows
from mainspring.elements.identity import Digest
from mainspring.elements.time import parse_instant
from mainspring.features.history.reader import HistoryReader
from mainspring.serving.asked import AskedOf
from mainspring.serving.batch.job import BatchOptions, BatchReport
from mainspring.serving.batch.keep import keep_block
from mainspring.serving.batch.run import BatchEndpoint, run_batch
from mainspring.serving.explain import Explainer
from mainspring.serving.predict import Prediction
from mainspring.serving.tracing.contributions import (
    PredictionExplanation,
    explain_predictions,
)
from mainspring.sources.facts import FactQuery, scan_source_rows
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["PredictAccess"]

_MOST_ROWS_AT_ONCE = 10_000_000


@checks_arguments
class PredictAccess(DataAccess):
    """Predicts for rows, and for files and tables of them."""

    def predict(
        self, endpoint: str | Named, rows: GivenRows, *, explain: bool = False
    ) -> list[Prediction]:
        """Answer rows, or one, as the server would.

        Args:
            rows: mappings, one mapping, or a frame of Polars or pandas.
            explain: say what each feature has added to the raw score.

        Raises: UnknownEndpoint SRV-001, NotServing SRV-003, FrameUnreadable FEA-070 for what has no
            rows, MissingRequestField FEA-003, WrongRequestType FEA-004, NotExplainable SRV-089.
        """
        name, asked = name_of(endpoint, "endpoint"), plain_rows(rows)
        host, actor = self.host(), self.runtime.actor
        self.streams.materialize()
        if explain:
            return host.predict_explained(name, AskedOf(asked, actor))
        return host.predict(name, asked, actor=actor)

    def batch_predict(
        self,
        endpoint: str | Named,
        source: str | Path,
        out: str | Path,
        *,
        time_column: str = "",
        at: str = "",
        bad_rows: str = "report",
        log: bool = False,
        explain: bool = False,
        columns: Sequence[str] | None = None,
        rows_at_once: int = 65_536,
        overwrite: bool = False,
        restart: bool = False,
        progress: Callable[[int, int], None] = lambda *_: None,
    ) -> BatchReport:
        """Answer every row of a file or table, in its order, into another one.  Provisional.

        Called again after it was killed, it goes on where it was, to the same bytes.

        Args:
            source, out: a file (.csv, .parquet, .jsonl, .ndjson), or a Delta table, which is any
                other path; here or, with `s3://BUCKET/…`, in a bucket.
            time_column: the column of each row's prediction time; default: `prediction_time` where
                there is one, else every row is answered as of `at`, or of now.
            bad_rows: `report` them in a column `error`, or `refuse` such a file.
            log: put the predictions into the inference log; monitors count them then.
            explain: say of each feature what it has added to the raw score.
            columns: those of the input that the output carries; default: all.
            rows_at_once: how many rows are in memory at a time.
            overwrite: whether the output may replace what lies there.
            restart: forget what an earlier attempt has answered.
            progress: told how many rows are answered, and of how many.

        Raises: UnknownEndpoint SRV-001, NotServing SRV-003, BatchInputUnusable SRV-085,
            BatchOutputUnusable SRV-086, BatchChanged SRV-087, BatchRowsRefused SRV-088.
        """
        require_within(
            rows_at_once, 1, _MOST_ROWS_AT_ONCE, method="batch_predict", argument="rows_at_once"
        )
        if bad_rows not in ("report", "refuse"):
            wanted = "'report' or 'refuse'"
            raise WrongArgument(
                method="batch_predict", argument="bad_rows", found=repr(bad_rows), wanted=wanted
            )
        options = BatchOptions(
            time_column=time_column,
            at=parse_instant(at) if at else None,
            bad_rows="refuse" if bad_rows == "refuse" else "report",
            log=log,
            explain=explain,
            columns=None if columns is None else tuple(columns),
            rows_at_once=rows_at_once,
        )
        answers = self._batch_endpoint(name_of(endpoint, "endpoint"), explain=explain)
        places = open_places(
            os.fspath(source),
            os.fspath(out),
            engines=self.config.engines,
            folder=self.folder or Path(tempfile.gettempdir()),
            overwrite=overwrite,
            restart=restart,
        )
        report = run_batch(answers, places, options, progress=progress)
        self._note(report)
        return report

    def _batch_endpoint(self, name: str, *, explain: bool) -> BatchEndpoint:
        """What answers: the model in charge, which while a canary is under way is the one before
        it.
        """
        runtime, host = self.proven, self.host()
        served = host.endpoint(name)
        revision, model = served.choose("", "stable")
        return BatchEndpoint(
            name=name,
            environment=self.environment,
            revision=revision,
            model=model,
            history=self._history_until,
            head=runtime.log.head,
            now=runtime.data_clock.now,
            record=partial(
                keep_block,
                log=runtime.log,
                model=model,
                topic=served.topic,
                map_version=host.served.version,
                actor=runtime.actor,
            ),
            explainer=self._explainer(model.version) if explain else None,
        )

    def explain_predictions(
        self, predictions: str | Prediction | Sequence[str | Prediction]
    ) -> list[PredictionExplanation]:
        """What each feature has added to the raw score of logged predictions.  Provisional.

        Recomputed from the features on record by the artifact that answered, so it is the same
        whenever it is asked for.

        Raises: PredictionUnknown SRV-008, NotExplainable SRV-089.
        """
        given = [predictions] if isinstance(predictions, str | Prediction) else predictions
        ids = [each.id if isinstance(each, Prediction) else each for each in given]
        return explain_predictions(ids, log=self.runtime.log, open_version=self._explainer)

    def _explainer(self, version: Digest) -> Explainer:
        """What explains the answers of a version."""
        return open_explainers(self.runtime)(version)

    def _history_until(self, read_at: dict[str, int]) -> HistoryReader:
        """Reads facts below these offsets."""
        runtime = self.proven

        def scan(source: Source, query: FactQuery) -> pl.LazyFrame:
            until = read_at[topic_of(source.stream)]
            return scan_source_rows(
                source, query, log=runtime.log, tables=runtime.tables, until=until
            )

        return HistoryReader(scan=scan, memory_bytes=self.config.history_bytes)

    def _note(self, report: BatchReport) -> None:
        """Put on record who has predicted what with which version."""
        runtime = self.runtime
        facts: dict[str, EventValue] = {
            "job": report.job,
            "version": report.version,
            "out": report.out,
            "rows": report.rows,
            "bad": report.bad,
            "logged": report.logged,
            "execution": report.execution,
        }
        event = Event(
            kind="batch.predicted",
            project=runtime.project,
            actor=runtime.actor,
            at=runtime.clock.now(),
            subject=f"endpoint.{report.endpoint}",
            environment=self.environment,
            facts=facts,
        )
        runtime.state.commit([], [event])
