"""What is noted of each call that a server has answered, or has not."""

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["CLIENT_GONE", "REQUEST_ID_HEADER", "AccessRecord", "NoteAccess"]

REQUEST_ID_HEADER = "x-request-id"
"""The id of a request: the caller's, where it is one, or the server's; it is answered too."""

CLIENT_GONE = 499
"""The status of a call whose caller left before the answer; nobody is ever sent it."""


class AccessRecord(NamedTuple):
    """One call, as it ended.

    Args:
        began_s: when its head was read, as an instant of the monotonic clock in seconds.
        duration_s: until its answer was sent; None for what never became a request.
        method: empty where there was none that could be read; so are all the other texts.
        route: the template of the path.
        path: percent-decoded, without the query.
        size_bytes: of the body of the answer.
        request_id: never empty.
        traceparent: as the caller gave it, where it is one.
        revision: of an endpoint that answered.
        code: of the error that was answered.
    """

    began_s: float
    duration_s: float | None
    method: str
    route: str
    path: str
    status: int
    size_bytes: int
    actor: str
    request_id: str
    traceparent: str
    revision: str
    code: str


NoteAccess = Callable[[AccessRecord], None]
"""Takes a record in; it is called in the event loop, so it neither waits nor raises."""
