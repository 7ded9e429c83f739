"""The span of a call, as it is noted at its end.

Source: OpenTelemetry semantic conventions, HTTP spans, server.
"""

from collections.abc import Mapping

from mainspring.ports.http import Call, Reply
from mainspring.ports.traces import CallSpan, SpanValue

__all__ = ["end_span"]

_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
_OTHER = "_OTHER"
_LONGEST = 1_024
_FAULT = 500


def end_span(span: CallSpan, path: str, call: Call, reply: Reply) -> None:
    """Note the span of a call that was answered, or was to be while nobody waited any more.

    Headers, queries and bodies are not in it, but for who the caller's program says it is.

    Args:
        path: percent-decoded.
    """
    method = call.method if call.method in _METHODS else _OTHER
    attributes = span.attributes
    attributes["http.request.method"] = method
    if method == _OTHER:
        attributes["http.request.method_original"] = call.method
    attributes["url.scheme"] = span.tracer.scheme
    attributes["url.path"] = path[:_LONGEST]
    attributes |= _said_by(call.headers)
    if call.route:
        attributes["http.route"] = call.route
    error = None
    if call.caller.has_left:
        # Nobody was sent a status; and that they left is no fault of a server.
        attributes["mainspring.caller_left"] = True
    else:
        attributes["http.response.status_code"] = reply.status
        attributes["http.response.body.size"] = len(reply.body)
        if reply.code:
            attributes["mainspring.error.code"] = reply.code
        if reply.status >= _FAULT:
            error = attributes["error.type"] = reply.code or str(reply.status)
    verb = "HTTP" if method == _OTHER else method
    span.end(f"{verb} {call.route}" if call.route else verb, "server", error)


def _said_by(headers: Mapping[str, str]) -> Mapping[str, SpanValue]:
    """What a caller says of itself, and of whom it asks."""
    said: dict[str, SpanValue] = {}
    if agent := headers.get("user-agent"):
        said["user_agent.original"] = agent[:_LONGEST]
    if host := headers.get("host"):
        name, colon, port = host.rpartition(":")
        if colon and port.isdecimal():
            said["server.address"], said["server.port"] = name[:_LONGEST], int(port)
        else:
            said["server.address"] = host[:_LONGEST]
    return said
