"""One connection to a server, and requests that are sent until they are answered."""

import http.client
import random
import ssl
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from mainspring.client.errors import RequestRefused, ServerUnreachable

__all__ = ["Retries", "RetryingConnection"]

_TRY_AGAIN = frozenset({408, 429, 502, 503, 504})
_MOST_SHOWN = 300


class Retries(NamedTuple):
    """How a request is sent again.

    Args:
        give_up_s: after this long; within it, a request that no answer came to is sent again.
        first_s, longest_s: the pause after the first failure, which doubles each time, and the
            longest one; `Retry-After` of an answer is waited for where it is longer.
    """

    give_up_s: float = 300.0
    first_s: float = 0.1
    longest_s: float = 30.0


class _Problem(msgspec.Struct):
    """What is used of a problem document."""

    code: str = ""
    detail: str = ""
    remedy: str = ""


class RetryingConnection:
    """A kept connection; one thread uses it.

    Args:
        url: such as `https://features.example`, with a path where a proxy has one.
        timeout_s: how long one answer may take.
        sleep: waits for so many seconds; true where it was ended, and nothing is to be sent again.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_s: float,
        retries: Retries,
        sleep: Callable[[float], bool],
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a server, such as http://127.0.0.1:8000")
        self.url, self._base = url.rstrip("/"), parts.path.rstrip("/")
        self._retries, self._sleep = retries, sleep
        self._authorization = f"Bearer {token}"
        self._http: http.client.HTTPConnection = (
            http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout_s, context=ssl.create_default_context()
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        )

    def post(self, path: str, body: bytes, media_type: str) -> bytes:
        """The body of the answer, once there is one.

        Raises: RequestRefused SRV-060, ServerUnreachable SRV-061.
        """
        began, pause = time.monotonic(), self._retries.first_s
        while True:
            status, headers, answer, reason = self._exchange(path, body, media_type)
            if 200 <= status < 300:
                return answer
            if status and status not in _TRY_AGAIN:
                raise self._refusal(status, answer)
            tried_s = time.monotonic() - began
            wait = max(_seconds(headers.get("retry-after", "")), pause * random.uniform(0.5, 1.0))
            if tried_s + wait > self._retries.give_up_s or self._sleep(wait):
                raise ServerUnreachable(
                    url=self.url, tried_s=round(tried_s, 1), reason=reason or f"it said {status}"
                )
            pause = min(2 * pause, self._retries.longest_s)

    def close(self) -> None:
        """Leave."""
        self._http.close()

    def _exchange(
        self, path: str, body: bytes, media_type: str
    ) -> tuple[int, Mapping[str, str], bytes, str]:
        """Status, headers and body of an answer; status 0 and the reason where none came."""
        headers = {"Authorization": self._authorization, "Content-Type": media_type}
        # A server closes a connection that was idle: then the first attempt on it says nothing of
        # the server.
        for is_fresh in (self._http.sock is None, True):
            try:
                self._http.request("POST", self._base + path, body, headers)
                response = self._http.getresponse()
                found = {name.lower(): value for name, value in response.getheaders()}
                return response.status, found, response.read(), ""
            except (http.client.HTTPException, OSError) as error:
                self._http.close()
                if is_fresh:
                    return 0, {}, b"", str(error) or type(error).__name__
        raise AssertionError("the second attempt returns")

    def _refusal(self, status: int, answer: bytes) -> RequestRefused:
        try:
            problem = msgspec.json.decode(answer, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problem = _Problem(detail=answer[:_MOST_SHOWN].decode(errors="replace"))
        return RequestRefused(
            url=self.url,
            status=status,
            refused=problem.code,
            detail=problem.detail or "no reason",
            advice=problem.remedy or "see that the address is that of a Mainspring server",
        )


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0
