"""What a server notes of a call, for the access log and for its trace: when its head was read, by
which id it goes, how it ended.

A server whose service has neither makes none of this, so a call costs nothing more there.
"""

import re
import secrets
from itertools import count
from time import monotonic

from mainspring.engines.http.call_span import end_span
from mainspring.ports.access_log import (
    CLIENT_GONE,
    REQUEST_ID_HEADER,
    AccessRecord,
    NoteAccess,
)
from mainspring.ports.http import Call, HttpService, Reply
from mainspring.ports.traces import TRACEPARENT_HEADER, CallSpan, Tracer, parse_traceparent

__all__ = ["BegunCall", "CallNotes", "call_notes_of"]

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_LONGEST_PATH = 1_024


class BegunCall:
    """A call whose head was read.

    Args:
        request_id: empty where there is no access log.
        span: None where it is not traced.
    """

    __slots__ = ("began_s", "path", "request_id", "span", "traceparent")

    def __init__(self, path: str, span: CallSpan | None) -> None:
        self.path, self.span = path, span
        self.began_s, self.request_id, self.traceparent = 0.0, "", ""


class CallNotes:
    """Makes the records of one server.

    Args:
        note: takes those of the access log; None where there is none.
        tracer: begins spans; None where nothing is traced.

    Cost: some 3 µs a call for the access log; see `Tracer.begin` for a call that is not traced.
    """

    def __init__(self, note: NoteAccess | None, tracer: Tracer | None = None) -> None:
        # One of this process and a number: to ask for randomness for each call costs as much as
        # all the rest.
        self._note, self._prefix, self._numbers = note, secrets.token_hex(8), count(1)
        self._tracer = tracer

    def begin(self, call: Call, path: str) -> BegunCall | None:
        """Note that the head of a call is there; None where nothing is to be noted of it.

        Args:
            path: percent-decoded.
        """
        span = None if self._tracer is None else self._tracer.begin(call.headers)
        if self._note is None:
            return None if span is None else BegunCall(path, span)
        begun = BegunCall(path, span)
        given = call.headers.get(REQUEST_ID_HEADER)
        if given is None or not _REQUEST_ID.fullmatch(given):
            given = self._new_id()
        trace = call.headers.get(TRACEPARENT_HEADER, "")
        if trace and parse_traceparent(trace) is None:
            trace = ""
        begun.began_s, begun.request_id, begun.traceparent = monotonic(), given, trace
        return begun

    def named(self, begun: BegunCall, reply: Reply) -> Reply:
        """The reply, with the id of its request where that has one."""
        return _with_id(reply, begun.request_id) if begun.request_id else reply

    def end(self, begun: BegunCall, call: Call, reply: Reply) -> None:
        """Note that a call was answered, or was to be while nobody waited any more."""
        if begun.span is not None:
            end_span(begun.span, begun.path, call, reply)
        if self._note is not None:
            self._note(self._record(begun, call, reply))

    def _record(self, begun: BegunCall, call: Call, reply: Reply) -> AccessRecord:
        has_left = call.caller.has_left
        return AccessRecord(
            begun.began_s,
            monotonic() - begun.began_s,
            call.method,
            call.route,
            begun.path[:_LONGEST_PATH],
            CLIENT_GONE if has_left else reply.status,
            0 if has_left or call.method == "HEAD" else len(reply.body),
            call.actor,
            begun.request_id,
            begun.traceparent,
            reply.revision,
            "" if has_left else reply.code,
        )

    def leave(self, begun: BegunCall, call: Call) -> None:
        """Note that the caller left before the answer."""
        self.end(begun, call, Reply(CLIENT_GONE))

    def refuse(self, method: str, path: str, reply: Reply) -> Reply:
        """The reply to what never became a request, noted and with an id."""
        if self._note is None:
            return reply
        name = self._new_id()
        self._note(
            AccessRecord(
                monotonic(),
                None,
                method,
                "",
                path[:_LONGEST_PATH],
                reply.status,
                len(reply.body),
                "",
                name,
                "",
                "",
                reply.code,
            )
        )
        return _with_id(reply, name)

    def _new_id(self) -> str:
        return f"{self._prefix}{next(self._numbers):08x}"


def call_notes_of(service: HttpService) -> CallNotes | None:
    """What makes the records of a service; None where nobody wants them."""
    if service.access is None and service.tracer is None:
        return None
    return CallNotes(service.access, service.tracer)


def _with_id(reply: Reply, name: str) -> Reply:
    return reply._replace(headers={**reply.headers, REQUEST_ID_HEADER: name})
