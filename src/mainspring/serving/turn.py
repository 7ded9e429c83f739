"""Answer all prediction requests of one turn of an event loop: the features of all rows are read
once, each model runs once, and what was answered is logged in one append.

A request that cannot be answered is refused alone: where the rows of all cannot be answered
together, each request is answered by itself.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mainspring.elements.errors import MainspringError
from mainspring.elements.time import Micros
from mainspring.features.cast import RequestColumns, cast_columns
from mainspring.ports.clock import Ids
from mainspring.serving.inference.answered import AnsweredRows
from mainspring.serving.predict import (
    Prediction,
    Predictor,
    ServedModel,
    predictions_of,
    require_rows,
)
from mainspring.serving.turn_spans import TurnSpans

__all__ = ["AnsweredTurn", "AskedRows", "answer_turn"]


class AskedRows(NamedTuple):
    """One request: the model that answers it, its rows, who asks, the model's revision, and the
    spans of its turn.
    """

    model: ServedModel
    rows: Sequence[Mapping[str, object]]
    actor: str
    revision: str = ""
    spans: TurnSpans | None = None


class AnsweredTurn(NamedTuple):
    """What a turn ends with.

    Args:
        answers: to each request its predictions, or why it is refused.
        groups: what is to be logged before the answers leave.
    """

    answers: Sequence[list[Prediction] | MainspringError]
    groups: Sequence[AnsweredRows]


class _Call(NamedTuple):
    place: int
    asked: AskedRows

    @property
    def height(self) -> int:
        return len(self.asked.rows)


def answer_turn(
    asked: Sequence[AskedRows],
    predictor: Predictor,
    *,
    at: Micros,
    map_version: int,
    sample: float = 1.0,
) -> AnsweredTurn:
    """Answer these requests at one instant; nothing is logged yet.

    Args:
        sample: the share of them that is to be logged.
    """
    answers: dict[int, list[Prediction] | MainspringError] = {}
    of_models: dict[tuple[str, str], list[_Call]] = {}
    for place, one in enumerate(asked):
        try:
            require_rows(one.rows)
        except MainspringError as error:
            answers[place] = error
        else:
            key = one.model.version, one.revision
            of_models.setdefault(key, []).append(_Call(place, one))
    groups = list[AnsweredRows]()
    for calls in of_models.values():
        # Those of one actor follow each other, so that they are one group of the log.
        calls.sort(key=lambda call: call.asked.actor)
        calls, request = _cast_together(calls, answers)
        if calls:
            groups += _answer_model(
                calls, request, predictor, answers, at=at, map_version=map_version, sample=sample
            )
    return AnsweredTurn([answers[place] for place in range(len(asked))], groups)


def _cast(calls: Sequence[_Call]) -> RequestColumns:
    """The rows of these requests, of one model, behind each other.

    A value is read by itself, so it is the same whatever stands beside it.
    """
    training_set = calls[0].asked.model.training_set
    return cast_columns(
        [row for call in calls for row in call.asked.rows],
        training_set.request_schema,
        passthrough=training_set.label_key_schema,
    )


def _cast_together(
    calls: list[_Call], answers: dict[int, list[Prediction] | MainspringError]
) -> tuple[list[_Call], RequestColumns]:
    """The requests that can be read, and their rows; the others are refused."""
    try:
        return calls, _cast(calls)
    except MainspringError:
        readable = list[_Call]()
        for call in calls:
            try:
                _cast([call])
            except MainspringError as error:
                answers[call.place] = error
            else:
                readable.append(call)
        return readable, _cast(readable) if readable else RequestColumns({}, 0)


def _answer_model(
    calls: Sequence[_Call],
    request: RequestColumns,
    predictor: Predictor,
    answers: dict[int, list[Prediction] | MainspringError],
    *,
    at: Micros,
    map_version: int,
    sample: float,
) -> list[AnsweredRows]:
    """Answer the requests of one model together, and where that fails each alone."""
    try:
        answered = predictor.answer_columns(
            calls[0].asked.model,
            request,
            at=[at] * request.height,
            map_version=map_version,
            actor=calls[0].asked.actor,
            revision=calls[0].asked.revision,
            spans=calls[0].asked.spans,
        )
    except MainspringError as error:
        if len(calls) == 1:
            answers[calls[0].place] = error
            return []
        groups = list[AnsweredRows]()
        for call in calls:
            groups += _answer_model(
                [call],
                _cast([call]),
                predictor,
                answers,
                at=at,
                map_version=map_version,
                sample=sample,
            )
        return groups
    return _split(answered, calls, answers, ids=predictor.ids, sample=sample)


def _split(
    answered: AnsweredRows,
    calls: Sequence[_Call],
    answers: dict[int, list[Prediction] | MainspringError],
    *,
    ids: Ids,
    sample: float,
) -> list[AnsweredRows]:
    """Hand the answers out, and make a group for each actor."""
    groups, begin, place = list[AnsweredRows](), 0, 0
    while place < len(calls):
        actor, of_actor = calls[place].asked.actor, list[_Call]()
        while place < len(calls) and calls[place].asked.actor == actor:
            of_actor.append(calls[place])
            place += 1
        rows = sum(call.height for call in of_actor)
        group = answered
        if rows < len(answered.scores):
            name = answered.id if begin == 0 else ids.new("prediction")
            group = answered.part(begin, rows, id=name, actor=actor)
        group = group.sampled(sample)
        groups.append(group)
        begin += rows
        predictions, at = predictions_of(group), 0
        for call in of_actor:
            answers[call.place] = predictions[at : at + call.height]
            at += call.height
    return groups
