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

__all__ = ["AnsweredTurn", "AskedRows", "answer_turn", "join_requests"]


class AskedRows(NamedTuple):
    """One request: the model that answers it, its rows, who asks, and the model's revision."""

    model: ServedModel
    rows: Sequence[Mapping[str, object]]
    actor: str
    revision: str = ""


class AnsweredTurn(NamedTuple):
    """What a turn ends with.

    Args:
        answers: to each request its predictions, or why it is refused.
        groups: what is to be logged before the answers leave.
    """

    answers: Sequence[list[Prediction] | MainspringError]
    groups: Sequence[AnsweredRows]


class _Cast(NamedTuple):
    place: int
    asked: AskedRows
    request: RequestColumns


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
    cast: dict[tuple[str, str], list[_Cast]] = {}
    for place, one in enumerate(asked):
        try:
            require_rows(one.rows)
            training_set = one.model.training_set
            request = cast_columns(
                one.rows, training_set.request_schema, passthrough=training_set.label_key_schema
            )
        except MainspringError as error:
            answers[place] = error
        else:
            key = one.model.version, one.revision
            cast.setdefault(key, []).append(_Cast(place, one, request))
    groups = list[AnsweredRows]()
    for calls in cast.values():
        # Those of one actor follow each other, so that they are one group of the log.
        calls.sort(key=lambda call: call.asked.actor)
        groups += _answer_model(
            calls, predictor, answers, at=at, map_version=map_version, sample=sample
        )
    return AnsweredTurn([answers[place] for place in range(len(asked))], groups)


def _answer_model(
    calls: Sequence[_Cast],
    predictor: Predictor,
    answers: dict[int, list[Prediction] | MainspringError],
    *,
    at: Micros,
    map_version: int,
    sample: float,
) -> list[AnsweredRows]:
    """Answer the requests of one model together, and where that fails each alone."""
    model, rows = calls[0].asked.model, sum(call.request.height for call in calls)
    try:
        answered = predictor.answer_columns(
            model,
            join_requests([call.request for call in calls]),
            at=[at] * rows,
            map_version=map_version,
            actor=calls[0].asked.actor,
            revision=calls[0].asked.revision,
        )
    except MainspringError as error:
        if len(calls) == 1:
            answers[calls[0].place] = error
            return []
        groups = list[AnsweredRows]()
        for call in calls:
            groups += _answer_model(
                [call], predictor, answers, at=at, map_version=map_version, sample=sample
            )
        return groups
    return _split(answered, calls, answers, ids=predictor.ids, sample=sample)


def _split(
    answered: AnsweredRows,
    calls: Sequence[_Cast],
    answers: dict[int, list[Prediction] | MainspringError],
    *,
    ids: Ids,
    sample: float,
) -> list[AnsweredRows]:
    """Hand the answers out, and make a group for each actor."""
    groups, begin, place = list[AnsweredRows](), 0, 0
    while place < len(calls):
        actor, of_actor = calls[place].asked.actor, list[_Cast]()
        while place < len(calls) and calls[place].asked.actor == actor:
            of_actor.append(calls[place])
            place += 1
        rows = sum(call.request.height for call in of_actor)
        group = answered
        if rows < len(answered.scores):
            request = join_requests([call.request for call in of_actor])
            name = answered.id if begin == 0 else ids.new("prediction")
            group = answered.part(begin, rows, request=request, id=name, actor=actor)
        group = group.sampled(sample)
        groups.append(group)
        begin += rows
        predictions, at = predictions_of(group), 0
        for call in of_actor:
            answers[call.place] = predictions[at : at + call.request.height]
            at += call.request.height
    return groups


def join_requests(requests: Sequence[RequestColumns]) -> RequestColumns:
    """The rows of these requests behind each other; a field that some lack is absent there."""
    if len(requests) == 1:
        return requests[0]
    names = dict.fromkeys(name for request in requests for name in request.columns)
    columns = {
        name: [
            value
            for request in requests
            for value in request.columns.get(name) or [None] * request.height
        ]
        for name in names
    }
    absent: dict[str, set[int]] = {}
    begin = 0
    for request in requests:
        for name in names:
            without = (
                request.absent.get(name, set())
                if name in request.columns
                else set(range(request.height))
            )
            if without:
                absent.setdefault(name, set()).update(begin + row for row in without)
        begin += request.height
    return RequestColumns(columns, begin, absent)
