"""What a turn of calls did, in the spans of those of them that are traced."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import monotonic_ns
from types import MappingProxyType, TracebackType

from mainspring.elements.errors import MainspringError
from mainspring.ports.http import Call
from mainspring.ports.traces import CallSpan, SpanValue

__all__ = [
    "EXPLAIN_SPAN",
    "FEATURES_SPAN",
    "LOG_SPAN",
    "MODEL_SPAN",
    "SpanStage",
    "TurnSpans",
    "ended_by_error",
    "stage_of_call",
    "turn_spans_of",
]

FEATURES_SPAN, MODEL_SPAN, LOG_SPAN, EXPLAIN_SPAN = "features", "model", "log", "explain"

_NONE: Mapping[str, SpanValue] = MappingProxyType({})
_UNTRACED = nullcontext()


class SpanStage:
    """A part of a span, while the block runs."""

    def __init__(self, span: CallSpan, name: str, attributes: Mapping[str, SpanValue]) -> None:
        self._span, self._name, self._attributes = span, name, attributes
        self._began_ns = 0

    def __enter__(self) -> None:
        self._began_ns = monotonic_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._span.part(self._name, self._began_ns, self._attributes, _said_of(error))


class TurnSpans:
    """Where a turn says what it did: in the span of its call, or, of several calls, in one of its
    own in a trace of its own, since what is done once for all of them is a part of none.  It and
    those of the calls that are traced have links to each other.

    Source: OpenTelemetry specification, trace API, links between spans.

    Args:
        traced: the spans of the calls that are traced, one at least.
        calls: how many calls the turn has.
    """

    def __init__(self, name: str, traced: Sequence[CallSpan], *, calls: int) -> None:
        self._name, self._is_apart = name, calls > 1
        self._span = traced[0]
        if self._is_apart:
            self._span = turn = traced[0].tracer.begin_apart()
            turn.attributes["mainspring.turn.calls"] = calls
            for each in traced:
                turn.links.append(each.context)
                each.links.append(turn.context)

    def __enter__(self) -> None:
        """The block is a part of the turn, after which more of it may follow."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None:
            self.end(error)

    def stage(self, name: str, attributes: Mapping[str, SpanValue] = _NONE) -> SpanStage:
        """What the block does, as a part of the turn."""
        return SpanStage(self._span, name, attributes)

    def end(self, error: BaseException | None = None) -> None:
        """The turn is over."""
        if self._is_apart:
            self._span.end(self._name, "internal", _said_of(error))


def turn_spans_of(name: str, calls: Sequence[Call]) -> TurnSpans | None:
    """The spans of a turn of these calls; None where none of them is traced."""
    traced = [call.span for call in calls if call.span is not None]
    return TurnSpans(name, traced, calls=len(calls)) if traced else None


def ended_by_error(spans: TurnSpans | None) -> AbstractContextManager[None]:
    """The turn is over where the block fails."""
    return _UNTRACED if spans is None else spans


def stage_of_call(span: CallSpan | None, name: str) -> AbstractContextManager[None]:
    """What the block does, as a part of a call that may be traced."""
    return _UNTRACED if span is None else SpanStage(span, name, _NONE)


def _said_of(error: BaseException | None) -> str | None:
    """An error by its code, a bug by its kind; messages may have in them what callers sent."""
    if error is None:
        return None
    return error.code if isinstance(error, MainspringError) else type(error).__name__
