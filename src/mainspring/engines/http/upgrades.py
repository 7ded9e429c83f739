"""Requests that ask for another protocol and have a body: the parser takes them for over at the end
of their head, and their body for the next request.

Nobody has to follow such a wish, and here nobody does.  A client that sends it with each request,
as Java's does (`Upgrade: h2c`), means its body all the same; and what somebody else's request is
must not be up to a body.

Source: RFC 9110, section 7.8.
"""

from collections.abc import Iterable
from typing import Any

import httptools

__all__ = ["has_body", "parser_of_body"]

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})

_Headers = Iterable[tuple[bytes, bytes]]


def has_body(headers: _Headers) -> bool:
    """Whether a body follows a head.

    Args:
        headers: names in lower case.

    >>> has_body([(b"content-length", b"00")]), has_body([(b"transfer-encoding", b"chunked")])
    (False, True)
    """
    return any(name in _FRAMING and value.strip(b"0") != b"" for name, value in headers)


def parser_of_body(connection: Any, headers: _Headers) -> httptools.HttpRequestParser:
    """A parser that goes on behind a head, with the body and whatever follows.

    Args:
        connection: whose callbacks are called.
        headers: of the head, names in lower case.
    """
    rest = _Rest(connection)
    parser = httptools.HttpRequestParser(rest)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    lines = [b"%b: %b\r\n" % (name, value) for name, value in headers if name in _FRAMING]
    parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(lines))
    rest.has_begun = True
    return parser


class _Rest:
    """What a parser calls: the connection, but not for the head that it is told again."""

    def __init__(self, connection: Any) -> None:
        self._connection, self.has_begun = connection, False
        self.on_body = connection.on_body
        self.on_chunk_header = connection.on_chunk_header
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        """A request begins."""
        if self.has_begun:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        if self.has_begun:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        if self.has_begun:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head is there."""
        if self.has_begun:
            self._connection.on_headers_complete()
