"""Keeps count of what is under way at one server, and lets requests in."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable

from mainspring.ports.http import Call, Route
from mainspring.serving.admission.errors import ModelQueueFull, RateExceeded
from mainspring.serving.admission.limits import AdmissionLimits
from mainspring.serving.admission.queue import (
    PRIORITY_HEADER,
    Priority,
    has_room,
    parse_priority,
    room_for,
)
from mainspring.serving.admission.rate import TokenBucket, taken

__all__ = ["AdmissionControl"]

_CALLERS = 10_000
_FULL_S = 1.0


def _nothing() -> None:
    """There is nothing to give back."""


class AdmissionControl:
    """Lets calls in, as far as there is room.

    It belongs to the event loop of one server; only `require_room` and `under_way` may be called by
    any thread.

    Args:
        now: seconds of a clock that does not go back.

    Cost: some 1 µs a call.
    """

    def __init__(
        self, limits: AdmissionLimits, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits, self._now = limits, now
        self._under_way = Counter[str]()
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._refused_at: float | None = None
        self._refusal: ModelQueueFull | None = None

    def admit(self, call: Call) -> Callable[[], None]:
        """Let a call in; what is returned is called once its work has ended.  The model is what the
        path names first.

        Raises: UnknownPriority SRV-102, RateExceeded SRV-101, ModelQueueFull SRV-100.
        """
        model = next(iter(call.path.values()), "")
        priority = parse_priority(call.headers.get(PRIORITY_HEADER))
        self._require_room_for(model, priority)
        # Last, so that what is refused for another reason costs its caller nothing.
        self._require_rate(call.actor)
        self._under_way[model] += 1

        def leave() -> None:
            self._under_way[model] -= 1
            # Anybody who may ask can make names up, and none of them stays.
            if not self._under_way[model]:
                del self._under_way[model]

        return leave

    def guarding(self, paths: Collection[str]) -> Callable[[Call], Callable[[], None]]:
        """The same for calls of some routes, by the templates of their paths; all others are let
        in.
        """
        guarded = frozenset(paths)
        return lambda call: self.admit(call) if call.route in guarded else _nothing

    def guarding_routes(self, routes: Iterable[Route]) -> Callable[[Call], Callable[[], None]]:
        """The same for requests for predictions; everything else is as urgent as it is rare."""
        return self.guarding([each.path for each in routes if each.permission == "predict"])

    @property
    def limit(self) -> int:
        """How many requests for one model may be under way."""
        return self._limits.queue

    def under_way(self, model: str) -> int:
        """How many requests for a model are let in and not answered; for any thread."""
        return self._under_way[model]

    def require_room(self) -> None:
        """Return unless a live request was refused within the last second: a queue is full for
        milliseconds at a time, and whoever asks for readiness would never see it.

        Raises: ModelQueueFull SRV-100.
        """
        at, refusal = self._refused_at, self._refusal
        if at is not None and refusal is not None and self._now() - at < _FULL_S:
            raise refusal.with_traceback(None)

    def _require_room_for(self, model: str, priority: Priority) -> None:
        under_way, limit = self._under_way[model], self._limits.queue
        if has_room(under_way, priority, limit):
            return
        refusal = ModelQueueFull(
            model=model,
            priority=priority.word,
            waiting=under_way,
            limit=room_for(priority, limit),
        )
        if priority is Priority.LIVE:
            self._refused_at, self._refusal = self._now(), refusal
        raise refusal

    def _require_rate(self, caller: str) -> None:
        rate = self._limits.rate_of(caller)
        if not rate.per_s:
            return
        bucket, wait_s = taken(self._buckets.pop(caller, None), rate, self._now())
        self._buckets[caller] = bucket
        if len(self._buckets) > _CALLERS:
            # Who has not asked for longest has a full one again, most likely.
            self._buckets.popitem(last=False)
        if wait_s:
            raise RateExceeded(caller=caller, rate=rate.per_s, wait_s=wait_s)
