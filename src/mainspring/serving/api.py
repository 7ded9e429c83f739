"""The routes of serving: predictions, replays, health, and those of the Open Inference Protocol.

What is computed is decided in `predict`, `replay` and `protocol`; here a call becomes arguments and
a record becomes a reply.  The routes about models themselves are `protocol.api`'s.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from mainspring.elements.errors import MainspringError
from mainspring.ports.body import parse_body
from mainspring.ports.http import (
    Answer,
    Answers,
    Call,
    RecordedAnswers,
    Reply,
    Route,
    json_reply,
)
from mainspring.ports.limits import MAX_EXPLAINED_ROWS
from mainspring.ports.traces import CallSpan
from mainspring.serving.asked import AskedOf
from mainspring.serving.body import PredictBody
from mainspring.serving.endpoint_models import EndpointModels
from mainspring.serving.errors import ServerEnding, TooManyRows
from mainspring.serving.execution.gather import gather_rule, rows_of_predict
from mainspring.serving.protocol.api import ProtocolApi
from mainspring.serving.protocol.repository import REVISION_HEADER
from mainspring.serving.turn_spans import (
    EXPLAIN_SPAN,
    TurnSpans,
    ended_by_error,
    stage_of_call,
    turn_spans_of,
)

if TYPE_CHECKING:
    # A server of one bare model has the routes of the protocol and nothing of features, so neither
    # Polars nor numba may be needed to import them.
    from mainspring.serving.host import EndpointHost
    from mainspring.serving.predict import Prediction
    from mainspring.serving.turn import AnsweredTurn

__all__ = ["ServingApi", "answer_live", "answer_ready"]

_RETRY_S = "1"
_MOST_IDS = 32
"""As many predictions of a request as its span names."""


class ServingApi:
    """The routes about the endpoints of one environment.

    A prediction takes half a millisecond and does not block. A replay may read the whole log, so it
    does.

    Args:
        replay: the record to render for the id of a prediction; SRV-008 for one that is not known.
        version: of this software.
        require_ready: returns while what is asked can be answered, else raises an error of ours.
        observe: called for each answered predict call with the endpoint, its predictions, and the
            seconds that they took.
        notes: what readiness says besides: what is doubtful and stops nothing.
        draining: set while the server is about to end, and so no longer ready.
        gather_s: how long a request for predictions may wait for others, to be computed with them.
    """

    def __init__(
        self,
        host: "EndpointHost",
        *,
        replay: Callable[[str], object],
        version: str,
        require_ready: Callable[[], None],
        observe: Callable[[str, Sequence["Prediction"], float], None],
        notes: Callable[[], Sequence[str]] = lambda: (),
        draining: threading.Event,
        gather_s: float = 0.0,
    ) -> None:
        self._gather = gather_rule(gather_s, provider_of=self._provider_of, rows_of=rows_of_predict)
        self._host, self._replay, self._observe = host, replay, observe
        self._require_ready, self._notes, self._draining = require_ready, notes, draining
        self._protocol = ProtocolApi(
            EndpointModels(host), version=version, ready=self.model_ready, gather_s=gather_s
        )

    def routes(self) -> list[Route]:
        """Every route; those of health are open."""
        endpoint, prediction = "/v1/endpoints/{name}", "/v1/predictions/{id}"
        return [
            Route(
                "POST",
                f"{endpoint}/predict",
                "predict",
                self.predict,
                "endpoint",
                writes=True,
                together=self.predict_together,
                gather=self._gather,
            ),
            # It may read all facts, so some beside each other would take all memory and threads.
            Route(
                "GET",
                f"{prediction}/replay",
                "read",
                self.replay,
                "prediction",
                blocks=True,
                alone=True,
            ),
            *self._protocol.routes(),
            Route("GET", "/healthz", None, answer_live, "nothing"),
            Route("GET", "/v2/health/live", None, answer_live, "nothing"),
            Route("GET", "/v2/health/ready", None, self.ready, "nothing"),
        ]

    def _provider_of(self, call: Call) -> str:
        """What the model that an endpoint's map names computes on."""
        return self._host.endpoint(call.path["name"]).require_model().scorer.placed.provider

    def predict(self, call: Call) -> Reply:
        """`POST /v1/endpoints/{name}/predict`: rows in, a score and an id for each out.

        The header `mainspring-revision` asks for one revision.

        Raises: UnknownEndpoint SRV-001, NotServing SRV-003 to TooManyRows SRV-006; UnknownRevision
            SRV-070; HorizonPassed
            FEA-002 to WrongRequestType FEA-004 and InexactFeature DAT-021 for what cannot be read
            or cast; ScoreNotFinite SRV-022; NotExplainable SRV-089.
        """
        answers = self.predict_together([call])
        if isinstance(answers, RecordedAnswers):
            answers = answers.settled()
        [answer] = answers
        if isinstance(answer, Exception):
            raise answer
        return answer

    def predict_together(self, calls: Sequence[Call]) -> Answers:
        """As `predict`, of several calls for one endpoint: one read of features, one run of each
        model, and one append to the log, after which the answers leave; before it, where the
        endpoint logs asynchronously.
        """
        started, name = perf_counter(), calls[0].path["name"]
        answers: dict[int, Answer] = {}
        bodies: dict[int, PredictBody] = {}
        for place, call in enumerate(calls):
            try:
                bodies[place] = _body_of(call)
            except MainspringError as error:
                answers[place] = error
        spans = turn_spans_of("predict", calls)
        asked = [_asked(calls[place], body, spans) for place, body in bodies.items()]
        try:
            with ended_by_error(spans):
                turn, log = self._host.predict_together(name, asked)
        except MainspringError as error:
            return [answers.get(place, error) for place in range(len(calls))]
        answered = [each for each in turn.answers if not isinstance(each, MainspringError)]
        to_explain = dict[int, list["Prediction"]]()
        for (place, body), each in zip(bodies.items(), turn.answers, strict=True):
            if isinstance(each, MainspringError):
                answers[place] = each
                continue
            answers[place] = _answered(each)
            if body.explain:
                to_explain[place] = each
            if (span := calls[place].span) is not None:
                _describe(span, each)

        def record() -> None:
            if log is not None:
                with ended_by_error(spans):
                    log()
            taken_s = perf_counter() - started
            for predictions in answered:
                self._observe(name, predictions, taken_s)
            if spans is not None:
                spans.end()

        def leaving(recorded: Sequence[Answer]) -> Sequence[Answer]:
            said = dict[int, Answer]()
            for place, each in to_explain.items():
                with stage_of_call(calls[place].span, EXPLAIN_SPAN):
                    said[place] = self._explained(each, turn)
            return [said.get(place, answer) for place, answer in enumerate(recorded)]

        replies = [answers[place] for place in range(len(calls))]
        if not answered or (log is None and not to_explain):
            record()
            return replies
        return RecordedAnswers(replies, record, leaving)

    def _explained(self, predictions: list["Prediction"], turn: "AnsweredTurn") -> Answer:
        """The reply with explanations: it is made once the predictions are on record, and where it
        cannot be made only its own call is refused.
        """
        try:
            return _answered(self._host.explain(predictions, turn.groups))
        except MainspringError as error:
            return error

    def replay(self, call: Call) -> Reply:
        """`GET /v1/predictions/{id}/replay`: recompute a prediction.  Raises: PredictionUnknown
        SRV-008.
        """
        return json_reply(self._replay(call.path["id"]))

    def model_ready(self, call: Call) -> Reply:
        """`GET /v2/models/{name}/ready`: 503 while no model may answer, or nothing can be stored.
        Raises: UnknownEndpoint
        SRV-001.
        """
        name = call.path["name"]
        return self._readiness(self._host.endpoint(name).current is not None, {"name": name})

    def ready(self, _: Call) -> Reply:
        """`GET /v2/health/ready`: every endpoint has a model that may answer, and its answers can
        be stored; 503 and the reason until then, and once the server is about to end.
        """
        endpoints = self._host.served.endpoints.values()
        has_models = bool(endpoints) and all(endpoint.current for endpoint in endpoints)
        silent = (each for each in endpoints if each.current is None)
        reasons = [f"endpoint {each.name}: {each.refusal}" for each in silent]
        return self._readiness(has_models, {"reason": "; ".join(reasons)} if reasons else {})

    def _readiness(self, has_model: bool, about: Mapping[str, object]) -> Reply:
        if notes := self._notes():
            about = {**about, "notes": [*notes]}
        return answer_ready(about, has_model, draining=self._draining, require=self._require_ready)


def _body_of(call: Call) -> PredictBody:
    """The body of a request for predictions.  Raises: as `parse_body`, TooManyRows SRV-006."""
    body = parse_body(call.body, PredictBody)
    if body.explain and len(body.rows) > MAX_EXPLAINED_ROWS:
        raise TooManyRows(rows=len(body.rows), limit=MAX_EXPLAINED_ROWS)
    return body


def _asked(call: Call, body: PredictBody, spans: TurnSpans | None) -> AskedOf:
    return AskedOf(body.rows, call.actor, call.headers.get(REVISION_HEADER, ""), spans)


def _describe(span: CallSpan, predictions: Sequence["Prediction"]) -> None:
    """Say in the span of a call what it was answered."""
    versions = dict.fromkeys(each.version for each in predictions)
    revisions = dict.fromkeys(each.revision for each in predictions if each.revision)
    span.attributes |= {
        "mainspring.rows": len(predictions),
        "mainspring.prediction.ids": [each.id for each in predictions[:_MOST_IDS]],
        "mainspring.model.version": ", ".join(versions),
        "mainspring.revision": ", ".join(revisions),
    }


def _answered(predictions: Sequence["Prediction"]) -> Reply:
    return json_reply({"predictions": predictions})._replace(revision=predictions[0].revision)


def answer_live(_: Call) -> Reply:
    """`GET /healthz`, `GET /v2/health/live`: the process answers."""
    return json_reply({"live": True})


def _nothing() -> None:
    """There is nothing to ask for."""


def answer_ready(
    about: Mapping[str, object],
    is_ready: bool = True,
    *,
    draining: threading.Event,
    require: Callable[[], None] = _nothing,
) -> Reply:
    """The answer of a route of readiness: 503, with the seconds in Retry-After, once the server is
    about to end.

    Args:
        about: what it says besides.
        require: returns while what is asked can be answered, else raises an error of ours.
    """
    try:
        require()
        if draining.is_set():
            raise ServerEnding
    except MainspringError as error:
        return _unready(about, reason=f"{error.code} {error.message}")
    return json_reply({**about, "ready": True}) if is_ready else _unready(about)


def _unready(about: Mapping[str, object], **reason: str) -> Reply:
    reply = json_reply({**about, "ready": False, **reason}, 503)
    return reply._replace(headers={"Retry-After": _RETRY_S})
