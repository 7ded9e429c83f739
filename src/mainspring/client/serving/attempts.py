"""When a call is sent again, and for how long: decisions without a network and without waiting."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec

from mainspring.client.errors import (
    AnswerLost,
    AnswerUnreadable,
    CallTimedOut,
    RequestRefused,
    ServerUnreachable,
)
from mainspring.client.serving.calls import ServerAnswer, ServerCall
from mainspring.ports.http import TIMEOUT_HEADER

__all__ = ["Attempts", "CallRetries", "Failure"]

_NOT_BEGUN = frozenset({408, 429, 503})
_PERHAPS_DONE = frozenset({502, 504})
_MOST_SHOWN = 300
Result = TypeVar("Result")


class CallRetries(NamedTuple):
    """How a call is sent again.

    Args:
        most: how often at most; 0 sends each call once.
        first_s, longest_s: the pause after the first failure, which doubles each time, and the
            longest one.  Each is drawn from its upper half, so that many clients do not come
            back at once; where an answer's `Retry-After` is longer, that is waited for.
    """

    most: int = 4
    first_s: float = 0.05
    longest_s: float = 5.0


class Failure(NamedTuple):
    """That no answer came.

    Args:
        was_sent: the server may have received the call.
        is_timeout: the time that was left has passed.
    """

    reason: str
    was_sent: bool
    is_timeout: bool = False


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""
    remedy: str = ""


class Attempts:
    """The attempts of one call, all within one deadline.

    Args:
        steady_s: seconds that only go forward.
        draw: a number between 0 and 1.
    """

    def __init__(
        self,
        call: ServerCall[Result],
        url: str,
        *,
        timeout_s: float,
        retries: CallRetries,
        steady_s: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        self._call, self._url, self._timeout_s = call, url, timeout_s
        self._retries, self._steady_s, self._draw = retries, steady_s, draw
        self._began_s, self._repeated = steady_s(), 0
        self._reason = "it was not sent"

    def left_s(self) -> float:
        """The seconds that are left.  Raises: CallTimedOut SRV-064."""
        left = self._began_s + self._timeout_s - self._steady_s()
        if left <= 0:
            raise self._timed_out()
        return left

    def deadline_headers(self) -> dict[str, str]:
        """What tells the server how long its caller waits.  Raises: CallTimedOut SRV-064."""
        return {TIMEOUT_HEADER: str(max(1, int(1000 * self.left_s())))}

    def pause_after(self, outcome: ServerAnswer | Failure) -> float | None:
        """For how many seconds to wait until the call is sent again; None for an answer that is
        one.

        Raises: RequestRefused SRV-060, ServerUnreachable SRV-061, CallTimedOut SRV-064, AnswerLost
            SRV-065.
        """
        if isinstance(outcome, Failure):
            return self._pause_after_failure(outcome)
        if 200 <= outcome.status < 300 or outcome.status in self._call.answers:
            return None
        self._reason = f"it said {outcome.status}"
        may_repeat = outcome.status in _NOT_BEGUN or (
            outcome.status in _PERHAPS_DONE and self._call.may_repeat
        )
        if not may_repeat or self._repeated >= self._retries.most:
            raise self._refusal(outcome)
        return self._pause(_seconds(outcome.headers.get("retry-after", "")))

    def unreadable(self, error: Exception) -> AnswerUnreadable:
        """The error for an answer that is none."""
        return AnswerUnreadable(url=self._url, call=self._call.words, reason=str(error))

    def _pause_after_failure(self, failure: Failure) -> float:
        self._reason = failure.reason
        if failure.is_timeout:
            raise self._timed_out()
        if failure.was_sent and not self._call.may_repeat:
            raise AnswerLost(url=self._url, call=self._call.words, reason=failure.reason)
        if self._repeated >= self._retries.most:
            tried_s = round(self._steady_s() - self._began_s, 1)
            raise ServerUnreachable(url=self._url, tried_s=tried_s, reason=failure.reason)
        return self._pause(0.0)

    def _pause(self, asked_s: float) -> float:
        """The next pause.  One that would end after the deadline is not begun."""
        longest = min(self._retries.first_s * 2.0**self._repeated, self._retries.longest_s)
        self._repeated += 1
        pause = max(asked_s, longest * (0.5 + 0.5 * self._draw()))
        if pause >= self.left_s():
            raise self._timed_out()
        return pause

    def _timed_out(self) -> CallTimedOut:
        return CallTimedOut(
            url=self._url,
            call=self._call.words,
            timeout_s=self._timeout_s,
            reason=self._reason,
        )

    def _refusal(self, answer: ServerAnswer) -> RequestRefused:
        try:
            problem = msgspec.json.decode(answer.body, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problem = _Problem(detail=answer.body[:_MOST_SHOWN].decode(errors="replace"))
        return RequestRefused(
            url=self._url,
            status=answer.status,
            refused=problem.code,
            detail=problem.detail or "no reason",
            advice=problem.remedy or "see that the address is that of a Mainspring server",
        )


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
