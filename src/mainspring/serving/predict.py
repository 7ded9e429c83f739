"""Answer a request: cast it, read its features at q, compute what is on demand, encode, score, log,
answer.

A prediction is in the inference log before it is answered, so no answer exists that cannot be
explained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

import msgspec

from mainspring.datasets.build import CompiledTrainingSet
from mainspring.datasets.encoding import Encoding, encode_columns
from mainspring.elements.expression.tree import input_columns
from mainspring.elements.identity import Digest
from mainspring.elements.time import Micros
from mainspring.features.cast import RequestColumns, cast_columns
from mainspring.features.on_demand import (
    RequestExpressions,
    compile_on_demand,
    compile_request_expressions,
)
from mainspring.features.online.read import FeatureRows, Value, read_online
from mainspring.features.online.recompute import offsets_read
from mainspring.ports.clock import Clock, Ids
from mainspring.ports.limits import MAX_ROWS
from mainspring.ports.log import LogWriter
from mainspring.ports.models import Scorer
from mainspring.ports.online import OnlineReader
from mainspring.ports.traces import SpanValue
from mainspring.serving.errors import EmptyRequest, TooManyRows
from mainspring.serving.explain import Explanation
from mainspring.serving.finite import require_finite
from mainspring.serving.inference.answered import AnsweredRows
from mainspring.serving.inference.group import pack_group
from mainspring.serving.inference.policy import LogPolicy
from mainspring.serving.inference_log import segment_topic
from mainspring.serving.scores import Scores, most_probable_class, scores_of
from mainspring.serving.turn_spans import FEATURES_SPAN, LOG_SPAN, MODEL_SPAN, TurnSpans

__all__ = [
    "Prediction",
    "Predictor",
    "ServedModel",
    "compile_served_model",
    "difference",
    "predictions_of",
    "require_rows",
]

_EACH = LogPolicy()


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """An answer.

    Args:
        id: for `replay` and for labels.
        score: what the model says; of several classes the probability of the predicted one.
        version: digest of the model version that answered.
        at: the instant q that features were read at.
        revision: the name of the endpoint's revision that answered; empty where it has none.
        missing: the features that the model was not given: null, or NaN.
        logged: whether the prediction is in the inference log, and so can be replayed; the id of
            one that is not begins with `unlogged-`.
        queued: whether it is to be logged soon, where the endpoint logs asynchronously: until then
            it is lost if the server is killed.
        explanation: what each feature has added, where that was asked for.
        predicted_class: of a model of several classes the most probable one, the first of equal
            ones.
        scores: of such a model the probability of each class.
    """

    id: str
    score: float
    version: Digest
    at: Micros
    revision: str = ""
    missing: list[str] = []
    logged: bool = True
    queued: bool | msgspec.UnsetType = msgspec.UNSET
    explanation: Explanation | msgspec.UnsetType = msgspec.UNSET
    predicted_class: str | msgspec.UnsetType = msgspec.UNSET
    scores: dict[str, float] | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model version ready to answer.

    Args:
        classes: those that it gives a probability for each, in the order of its scores; empty for a
            model of one score.
    """

    version: Digest
    label: str
    training_set: CompiledTrainingSet
    encoding: Encoding
    scorer: Scorer
    on_demand: RequestExpressions
    declared_time: RequestExpressions | None
    classes: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """What it computes on, as it is logged: empty for the CPU."""
        provider = self.scorer.placed.provider
        return "" if provider == "cpu" else provider

    def entity_columns(self) -> tuple[str, ...]:
        """The columns of a request that name its entities, sorted."""
        views = [view.view for view in self.training_set.views]
        keys = {key for view in views for entity in view.entities for key in entity.join_keys}
        return tuple(sorted(keys))

    def view_names(self) -> list[str]:
        """The names of the feature views that it reads."""
        return [view.view.name for view in self.training_set.views]

    def features_of(
        self, request: RequestColumns, online: OnlineReader, *, at: Sequence[Micros]
    ) -> tuple[dict[str, list[Value]], FeatureRows]:
        """The features of each row, by columns in the order of the matrix, and what was read
        online.
        """
        read = read_online(self.training_set.views, online, request.columns, at=at)
        return self.in_order(read.columns | self.on_demand.evaluate(request)), read

    def in_order(self, features: Mapping[str, list[Value]]) -> dict[str, list[Value]]:
        """The features that the model is fed, in the order of its matrix."""
        return {name: features[name] for name in self.encoding.names}

    def score(self, features: Mapping[str, Sequence[Value]]) -> Scores:
        """What it says of each row of these columns of features, finite or not."""
        found = self.scorer.predict(encode_columns(features, self.encoding))
        return scores_of(found, len(self.classes))

    def declared_times(self, request: RequestColumns) -> list[Micros | None]:
        """The prediction time that the training set declares for each row, None where it cannot be
        computed.
        """
        if self.declared_time is None:
            return [None] * request.height
        times = self.declared_time.evaluate(request)["at"]
        return [time if isinstance(time, int) else None for time in times]


def compile_served_model(
    version: Digest,
    label: str,
    training_set: CompiledTrainingSet,
    *,
    encoding: Encoding,
    scorer: Scorer,
    classes: tuple[str, ...] = (),
) -> ServedModel:
    """Compile what a version needs to answer."""
    time = training_set.spec.prediction_time
    schema = training_set.request_schema
    if time is not None and not all(name in schema for name in input_columns(time)):
        time = None
    return ServedModel(
        version=version,
        label=label,
        training_set=training_set,
        encoding=encoding,
        scorer=scorer,
        on_demand=compile_on_demand(training_set.on_demand, schema),
        declared_time=compile_request_expressions({"at": time}, schema) if time else None,
        classes=classes,
    )


@dataclass(frozen=True, eq=False)
class Predictor:
    """Answers requests with a served model, and keeps what it answered.

    Args:
        segment: of the inference log, that this process appends to; 0 where it shares one.
    """

    online: OnlineReader
    log: LogWriter
    clock: Clock
    ids: Ids
    segment: int = 0

    def predict(
        self,
        model: ServedModel,
        rows: Sequence[Mapping[str, object]],
        *,
        topic: str,
        map_version: int,
        actor: str,
        revision: str = "",
        log: LogPolicy = _EACH,
    ) -> list[Prediction]:
        """Answer these rows at the clock's now, and log them.

        Raises: EmptyRequest SRV-005, TooManyRows SRV-006 for no or too many rows;
            MissingRequestField FEA-003, WrongRequestType FEA-004 for a bad row; ScoreNotFinite
            SRV-022, and then no row is logged or answered.
        """
        require_rows(rows)
        answered = self.answer(
            model,
            rows,
            at=[self.clock.now()] * len(rows),
            map_version=map_version,
            actor=actor,
            revision=revision,
        )
        answered = answered.sampled(log.sample)
        self.keep([answered], topic=topic, log=log)
        return predictions_of(answered)

    def keep(
        self,
        answered: Sequence[AnsweredRows],
        *,
        topic: str,
        log: LogPolicy = _EACH,
        spans: TurnSpans | None = None,
    ) -> None:
        """Log what was answered, in one append to this process's segment.

        Args:
            topic: of the endpoint's predictions.
            spans: of the turn that answered, where it is traced.

        Raises: StoreFailed ENG-001, StoreBusy ENG-009 and others of the log: then nobody may be
            answered.
        """
        records = [pack_group(each) for whole in answered if (each := whole.logged())]
        if not records:
            return
        segment = self._segment_of(topic)
        if spans is None:
            self.log.append_packed(segment, records, on_disk=log.is_on_disk)
            return
        with spans.stage(LOG_SPAN, {"mainspring.log.records": len(records)}):
            self.log.append_packed(segment, records, on_disk=log.is_on_disk)

    def has_kept(self, answered: AnsweredRows, *, topic: str) -> bool:
        """Whether this process's segment has what was answered."""
        return answered.id in self.log.find(self._segment_of(topic), [answered.id])

    def _segment_of(self, topic: str) -> str:
        return segment_topic(topic, self.segment) if self.segment else topic

    def answer(
        self,
        model: ServedModel,
        rows: Sequence[Mapping[str, object]],
        *,
        at: Sequence[Micros],
        map_version: int,
        actor: str,
        revision: str = "",
    ) -> AnsweredRows:
        """What the model answers to these rows, each at its own time, not yet logged.

        Raises: MissingRequestField FEA-003, WrongRequestType FEA-004 for a bad row; ScoreNotFinite
            SRV-022.
        """
        training_set = model.training_set
        request = cast_columns(
            rows, training_set.request_schema, passthrough=training_set.label_key_schema
        )
        return self.answer_columns(
            model, request, at=at, map_version=map_version, actor=actor, revision=revision
        )

    def answer_columns(
        self,
        model: ServedModel,
        request: RequestColumns,
        *,
        at: Sequence[Micros],
        map_version: int,
        actor: str,
        revision: str = "",
        spans: TurnSpans | None = None,
    ) -> AnsweredRows:
        """As `answer`, of rows that are cast already, in a turn that may be traced.  Raises:
        ScoreNotFinite SRV-022.
        """
        started = perf_counter_ns()
        if spans is None:
            features, read = model.features_of(request, self.online, at=at)
            scores = model.score(features)
        else:
            about: dict[str, SpanValue] = {
                "mainspring.rows": request.height,
                "mainspring.model.version": model.version,
            }
            with spans.stage(FEATURES_SPAN, about | {"mainspring.views": model.view_names()}):
                features, read = model.features_of(request, self.online, at=at)
            with spans.stage(MODEL_SPAN, about | {"mainspring.model": model.label}):
                scores = model.score(features)
        answered = AnsweredRows(
            id=self.ids.new("prediction"),
            version=model.version,
            map_version=map_version,
            revision=revision,
            actor=actor,
            at=at,
            declared_at=model.declared_times(request),
            request=request,
            names=list(features),
            features=list(features.values()),
            read_at=offsets_read(model.training_set.views, read, rows=request.height),
            scores=scores.values,
            provider=model.provider,
            classes=model.classes,
            probabilities=scores.probabilities,
            latency_us=(perf_counter_ns() - started) // 1000,
        )
        require_finite(scores.values, answered.missing_in)
        return answered


def require_rows(rows: Sequence[object]) -> None:
    """Return if a request has as many rows as one may have.  Raises: EmptyRequest SRV-005,
    TooManyRows SRV-006.
    """
    if not rows:
        raise EmptyRequest
    if len(rows) > MAX_ROWS:
        raise TooManyRows(rows=len(rows), limit=MAX_ROWS)


def difference(one: Prediction, other: Prediction) -> float:
    """How far two answers to one row lie apart: of several classes, of the class that they differ
    most in; one that only one of them knows has the probability 0 in the other.
    """
    ours, theirs = one.scores, other.scores
    if isinstance(ours, msgspec.UnsetType) or isinstance(theirs, msgspec.UnsetType):
        return abs(one.score - other.score)
    return max(abs(ours.get(name, 0.0) - theirs.get(name, 0.0)) for name in {*ours, *theirs})


def predictions_of(answered: AnsweredRows) -> list[Prediction]:
    """The answer to each row, which leaves once those of them that are to be logged are."""
    found = [
        Prediction(
            id=name,
            score=score,
            version=answered.version,
            at=at,
            revision=answered.revision,
            missing=missing,
            logged=row not in answered.unlogged,
        )
        for row, (name, score, at, missing) in enumerate(
            zip(answered.ids, answered.scores, answered.at, answered.missing(), strict=True)
        )
    ]
    if not answered.classes:
        return found
    return [
        msgspec.structs.replace(
            each,
            predicted_class=most_probable_class(answered.classes, probabilities),
            scores=dict(zip(answered.classes, probabilities, strict=True)),
        )
        for each, probabilities in zip(found, answered.probabilities, strict=True)
    ]
