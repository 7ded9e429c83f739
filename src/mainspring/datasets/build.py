"""Build a training set: every fact of the spine, with what was known when it would have been
requested about, and what became of it.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import msgspec
import polars as pl

from mainspring.datasets.card import FeatureColumn, TrainingSetCard
from mainspring.datasets.labels import join_outcomes, revisions_of
from mainspring.datasets.spec import KeySplit, TrainingSet
from mainspring.datasets.split import is_inside, split_rows
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.tree import input_columns
from mainspring.elements.identity import digest_of
from mainspring.elements.schema import Schema
from mainspring.elements.time import FOREVER, Micros
from mainspring.features.history.reader import HistoryReader
from mainspring.features.on_demand import compute_on_demand, on_demand_fields
from mainspring.features.spec import FeatureSet, FeatureView, OnDemandFeatureView
from mainspring.features.view import CompiledView, with_lookups
from mainspring.sources.facts import FactQuery
from mainspring.sources.spec import Source

__all__ = [
    "BuiltTrainingSet",
    "CompiledTrainingSet",
    "build_training_set",
    "parse_training_rows",
    "render_training_rows",
]


@dataclass(frozen=True, eq=False)
class CompiledTrainingSet:
    """A training set with its views compiled; `schemas` has the schema of each source by name."""

    spec: TrainingSet
    views: tuple[CompiledView, ...]
    schemas: Mapping[str, Schema]

    @property
    def on_demand(self) -> tuple[OnDemandFeatureView, ...]:
        """The on-demand views, in the order declared."""
        return self.spec.on_demand

    @cached_property
    def request_schema(self) -> Schema:
        """The types of the request columns."""
        return self.schemas[self.spec.spine.name].select(self.spec.request)

    @cached_property
    def label_key_schema(self) -> Schema:
        """The types of the columns that labels are joined by."""
        return self.schemas[self.spec.spine.name].select(self.spec.label.join_on)

    @property
    def features(self) -> tuple[FeatureColumn, ...]:
        """The features that a model is fed, in the order declared."""
        compiled = {view.view.name: view for view in self.views}
        columns: list[FeatureColumn] = []
        for selection in self.spec.selections:
            found: list[FeatureColumn] = []
            match selection.view:
                case OnDemandFeatureView() as view:
                    found = [
                        FeatureColumn(f.name, f.dtype, view.name)
                        for f in on_demand_fields(view, self.request_schema)
                    ]
                case FeatureView() as view:
                    sizes = compiled[view.name].sizes * len(view.entities)
                    found = [
                        FeatureColumn(f.name, f.dtype, view.name, size)
                        for f, size in zip(compiled[view.name].fields, sizes, strict=True)
                    ]
            by_name = {each.name: each for each in found}
            columns += [by_name[name] for name in selection.columns or by_name]
        return tuple(columns)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source that the build reads, each once, by name."""
        read = [
            self.spec.spine,
            self.spec.label.source,
            *(source for view in with_lookups(self.views) for source in view.view.sources),
        ]
        return tuple(
            {source.name: source for source in sorted(read, key=lambda s: s.name)}.values()
        )


class BuiltTrainingSet(NamedTuple):
    """The rows as stored (canonical bytes), the same as a frame, and their card."""

    payload: bytes
    frame: pl.DataFrame
    card: TrainingSetCard


def build_training_set(
    compiled: CompiledTrainingSet,
    history: HistoryReader,
    *,
    inputs: Mapping[str, int],
    now: Micros = FOREVER,
) -> BuiltTrainingSet:
    """Join features and labels to the spine, point-in-time correct.

    Args:
        history: reads facts and answers views.
        now: until when a horizon must have passed for a row without a fact to have a label.

    Shapes: one row per standing fact of the spine, by (prediction time, id): `_id`,
        `_prediction_time` int64, `_label`, `_label_known_at` int64, `_split` (`fit`, `test` or
        empty), the request columns, then the features in the order of the card.
    """
    spec = compiled.spec
    sums = {source.name: _summary(history, source) for source in compiled.sources}
    latest = max(0, *(summary.last_change for summary in sums.values()))
    spine = _spine_rows(compiled, history, latest=latest)
    labels = _labels(compiled, spine, history, now=now)
    labelled = spine.hstack(labels)
    rows = labelled.with_columns(split_rows(spec.split, labelled))
    features = [history.answer(view, rows) for view in compiled.views]
    computed = compute_on_demand(
        compiled.on_demand, rows.select(spec.request), compiled.request_schema
    )
    # An on-demand feature may pass a request column on under its own name.
    frame = pl.concat(
        [rows.drop(computed.columns, strict=False), computed, *features], how="horizontal"
    ).select(_columns(compiled))
    payload = render_training_rows(frame)
    card = _card(compiled, frame, payload=payload, sums=sums, inputs=inputs)
    if spec.label.horizon is not None:
        absent = labels["_by_absence"] & (frame["_split"] != "")
        card = msgspec.structs.replace(card, negative_by_absence=int(absent.sum()))
    return BuiltTrainingSet(payload, frame, card)


def render_training_rows(frame: pl.DataFrame) -> bytes:
    """Canonical bytes of a frame: Arrow IPC, which unlike Parquet carries no producer's mark and no
    time stamp.
    """
    buffer = io.BytesIO()
    frame.rechunk().write_ipc(buffer, compression="zstd")
    return buffer.getvalue()


def parse_training_rows(payload: bytes) -> pl.DataFrame:
    """The frame of these bytes."""
    return pl.read_ipc(io.BytesIO(payload), use_pyarrow=False)


class _Summary(NamedTuple):
    """Of a source's facts the moment from which on all that they say is visible, and how many of
    them are history.
    """

    last_change: Micros
    history_share: float


def _summary(history: HistoryReader, source: Source) -> _Summary:
    ended = pl.col("_visible_to").filter(pl.col("_visible_to") != FOREVER)
    change = pl.max_horizontal(pl.col("_visible_from").max(), ended.max()).fill_null(0)
    share = pl.col("_history").mean().fill_null(0.0)
    last, history_share = history.summarise(source, [change, share.alias("share")]).row(0)
    return _Summary(int(last), round(float(history_share), 6))


def _read(
    compiled: CompiledTrainingSet, history: HistoryReader, source: Source, names: Iterable[str]
) -> pl.DataFrame:
    """These columns of a source's facts; one that no fact has ever had is null."""
    schema = compiled.schemas[source.name].select(tuple(dict.fromkeys(names)))
    return history.read(source, FactQuery(schema, only=True))


def _columns(compiled: CompiledTrainingSet) -> list[str]:
    request = compiled.spec.request
    features = [feature.name for feature in compiled.features if feature.name not in request]
    return ["_id", "_prediction_time", "_label", "_label_known_at", "_split", *request, *features]


def _spine_rows(
    compiled: CompiledTrainingSet, history: HistoryReader, *, latest: Micros
) -> pl.DataFrame:
    """The standing facts of the spine.  A row without a prediction time is as of the last change
    and not of now: the same facts give the same rows.
    """
    spec = compiled.spec
    schema = compiled.schemas[spec.spine.name]
    at = (
        pl.lit(latest, dtype=pl.Int64)
        if spec.prediction_time is None
        else to_polars(spec.prediction_time, schema).cast(pl.Int64)
    )
    asked = () if spec.prediction_time is None else input_columns(spec.prediction_time)
    split_by = spec.split.columns if isinstance(spec.split, KeySplit) else ()
    names = dict.fromkeys([*spec.request, *spec.label.join_on, *split_by])
    facts = _read(compiled, history, spec.spine, [*names, *asked])
    stands = facts.filter(pl.col("_visible_to") == FOREVER)
    return stands.select("_id", at.alias("_prediction_time"), *names).sort(
        "_prediction_time", "_id"
    )


def _labels(
    compiled: CompiledTrainingSet, spine: pl.DataFrame, history: HistoryReader, *, now: Micros
) -> pl.DataFrame:
    """The label of each row, when it became known, and whether it says that no fact came."""
    label = compiled.spec.label
    read = [*label.join_on, *input_columns(label.value)]
    revisions = revisions_of(
        label,
        _read(compiled, history, label.source, read),
        compiled.schemas[label.source.name],
        visible_from="_visible_from",
        stands=pl.col("_visible_to") == FOREVER,
    )
    rows = spine.select("_prediction_time", *label.join_on)
    return join_outcomes(rows, revisions, on=label.join_on, horizon=label.horizon, now=now)


def _excluded(spec: TrainingSet, frame: pl.DataFrame) -> dict[str, int]:
    inside = is_inside(spec.split)
    reasons = {
        "outside the split": ~inside,
        "no label": inside & pl.col("_label").is_null(),
        "label known too late": inside & pl.col("_label").is_not_null() & (pl.col("_split") == ""),
    }
    return {
        reason: count for reason, rule in reasons.items() if (count := frame.filter(rule).height)
    }


def _card(
    compiled: CompiledTrainingSet,
    frame: pl.DataFrame,
    *,
    payload: bytes,
    sums: Mapping[str, _Summary],
    inputs: Mapping[str, int],
) -> TrainingSetCard:
    timeless = tuple(source.name for source in compiled.sources if source.is_timeless)
    counts: dict[str, int] = dict(frame["_split"].value_counts().iter_rows())
    return TrainingSetCard(
        name=compiled.spec.name,
        digest=digest_of(payload),
        features=compiled.features,
        request=compiled.spec.request,
        rows=frame.height,
        fitted=counts.get("fit", 0),
        tested=counts.get("test", 0),
        excluded=_excluded(compiled.spec, frame),
        tainted=tuple(
            view.view.name
            for view in with_lookups(compiled.views)
            if view.view.knowledge == "as_corrected"
        ),
        assumed=tuple(source.name for source in compiled.sources if source.known_at_assumed),
        history_share={name: summary.history_share for name, summary in sums.items()},
        inputs=dict(inputs),
        timeless=timeless or msgspec.UNSET,
        feature_sets=_sets_of(compiled.spec) or msgspec.UNSET,
    )


def _sets_of(spec: TrainingSet) -> tuple[str, ...]:
    return tuple(each.name for each in spec.features if isinstance(each, FeatureSet))
