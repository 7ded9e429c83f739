"""Answer requests of the protocol: decode each, run the model once over the rows of all that agree,
split, encode.

Rows are joined only for a model that is row by row, so an answer is the same to the bit whoever
asks at the same time; and a request that is wrong is refused by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np

from mainspring.elements.errors import MainspringError
from mainspring.ports.errors import DeadlinePassed, StoreBusy
from mainspring.ports.http import Call, Reply
from mainspring.ports.limits import MAX_ROWS
from mainspring.ports.tensors import Array
from mainspring.ports.traces import SpanValue
from mainspring.serving.protocol.model import ProtocolModel
from mainspring.serving.protocol.packed import unpacked
from mainspring.serving.protocol.request import InferCall, decode_request
from mainspring.serving.protocol.response import encode_response
from mainspring.serving.protocol.statistics import StatisticsKeeper
from mainspring.serving.turn_spans import MODEL_SPAN, turn_spans_of

__all__ = ["InferTurns"]

_Arrays = Sequence[Array]


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A request that fits its model.

    Args:
        place: among the calls of its turn.
        ns: what decoding took.
    """

    place: int
    call: Call
    model: ProtocolModel
    request: InferCall
    ns: int

    @property
    def group(self) -> tuple[object, ...]:
        """What requests that one run can answer have in common."""
        if not self.model.model.is_rowwise:
            return (self.place,)
        inputs = self.request.inputs
        shapes = tuple((name, inputs[name].shape[1:]) for name in self.model.inputs)
        outputs = tuple(output.name for output in self.request.outputs)
        return (id(self.model.model), shapes, outputs)


class InferTurns:
    """Answers infer calls.

    Args:
        find: the model of a call, or an error of ours.
    """

    def __init__(self, find: Callable[[Call], ProtocolModel], statistics: StatisticsKeeper) -> None:
        self._find, self._statistics = find, statistics

    def answer(self, call: Call) -> Reply:
        """The reply to one call.

        Raises: what `find` raises; BadRequest SRV-004, TooManyRows SRV-006, WrongTensor SRV-007,
            WrongField SRV-090; ScoreNotFinite SRV-022, InputNotComputable SRV-094,
            OutputNotSayable SRV-093.
        """
        [answer] = self.answer_all([call])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer_all(self, calls: Sequence[Call]) -> Sequence[Reply | Exception]:
        """What `answer` would return or raise for each call."""
        answers: dict[int, Reply | Exception] = {}
        groups: dict[tuple[object, ...], list[_Decoded]] = {}
        for place, call in enumerate(calls):
            try:
                decoded = self._decoded(place, call)
            except (DeadlinePassed, StoreBusy):
                # It asks for another thread, and all calls of the turn with it.
                raise
            except MainspringError as error:
                answers[place] = error
            else:
                groups.setdefault(decoded.group, []).append(decoded)
        for group in groups.values():
            for batch in _batches(group):
                self._answer_batch(batch, answers)
        return [answers[place] for place in range(len(calls))]

    def _decoded(self, place: int, call: Call) -> _Decoded:
        began = perf_counter_ns()
        model = self._find(call)
        try:
            request = decode_request(unpacked(call.body, call.headers), call.headers, model)
        except MainspringError:
            self._refused(model, perf_counter_ns() - began)
            raise
        return _Decoded(place, call, model, request, perf_counter_ns() - began)

    def _answer_batch(
        self, batch: Sequence[_Decoded], answers: dict[int, Reply | Exception]
    ) -> None:
        """Answer requests by one run; where that fails, each by a run of its own."""
        began = perf_counter_ns()
        try:
            found = _traced_run(batch)
        except (DeadlinePassed, StoreBusy):
            raise
        except MainspringError as error:
            if len(batch) > 1:
                for each in batch:
                    self._answer_batch([each], answers)
                return
            [only] = batch
            answers[only.place] = error
            self._refused(only.model, perf_counter_ns() - began)
            return
        ns = perf_counter_ns() - began
        model, rows = batch[0].model, sum(each.request.rows for each in batch)
        self._statistics.count_run(model.name, model.version, rows=rows, ns=ns)
        start = 0
        for each in batch:
            arrays = found
            if len(batch) > 1:
                end = start + each.request.rows
                arrays, start = [array[start:end] for array in found], end
            answers[each.place] = self._encoded(each, arrays, ns)

    def _encoded(self, each: _Decoded, arrays: _Arrays, run_ns: int) -> Reply | Exception:
        began = perf_counter_ns()
        try:
            each.model.check(each.request.inputs, arrays)
            reply = encode_response(each.model, each.request, arrays)
        except MainspringError as error:
            self._refused(each.model, perf_counter_ns() - began + run_ns + each.ns)
            return error
        ns = perf_counter_ns() - began
        spans = {"compute_input": each.ns, "compute_output": ns, "success": each.ns + run_ns + ns}
        self._statistics.count_answer(
            each.model.name, each.model.version, rows=each.request.rows, spans=spans
        )
        return reply

    def _refused(self, model: ProtocolModel, ns: int) -> None:
        self._statistics.count_refusal(model.name, model.version, ns=ns)


def _batches(group: Sequence[_Decoded]) -> list[list[_Decoded]]:
    """Requests that one run can answer, in runs of no more rows than one request may have."""
    batches: list[list[_Decoded]] = []
    rows = 0
    for each in group:
        rows += each.request.rows
        if not batches or rows > MAX_ROWS:
            batches.append([])
            rows = each.request.rows
        batches[-1].append(each)
    return batches


def _traced_run(batch: Sequence[_Decoded]) -> _Arrays:
    """As `_run`, in the spans of those requests that are traced."""
    spans = turn_spans_of("infer", [each.call for each in batch])
    if spans is None:
        return _run(batch)
    for each in batch:
        if each.call.span is not None:
            each.call.span.attributes |= _said_of(each.model, each.request.rows)
    said = _said_of(batch[0].model, sum(each.request.rows for each in batch))
    with spans, spans.stage(MODEL_SPAN, said):
        found = _run(batch)
    spans.end()
    return found


def _said_of(model: ProtocolModel, rows: int) -> dict[str, SpanValue]:
    return {
        "mainspring.model": model.name,
        "mainspring.model.version": model.version,
        "mainspring.rows": rows,
    }


def _run(batch: Sequence[_Decoded]) -> _Arrays:
    """The outputs over the rows of all requests, in their order."""
    first = batch[0]
    names = [output.name for output in first.request.outputs]
    inputs: Mapping[str, Array] = first.request.inputs
    if len(batch) > 1:
        inputs = {
            name: np.concatenate([each.request.inputs[name] for each in batch])
            for name in first.model.inputs
        }
    return first.model.model.run(inputs, names)
