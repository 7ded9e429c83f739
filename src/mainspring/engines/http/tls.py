"""TLS in front of HTTP, whichever server reads it.

The protocol behind is connected when the caller is, before the handshake, and to a transport that
encrypts.  So its limits hold from the first byte on: a caller who never gets through the handshake
is a half-open connection like any other, gives way like any other, and is closed by the timer that
waits for a head.  The TLS of the event loop would call it after the handshake only, and until then
nobody would count.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["TlsProtocol", "TlsTransport"]

_AT_ONCE = 1 << 16
_RECORD_HEAD = 5
_REQUEST_FOLLOWS_S = 1.0
"""For so long after a handshake the request that it was made for counts as on its way."""


class TlsTransport(asyncio.Transport):
    """What the protocol behind writes to: encrypts, and passes on.

    Its attributes: `is_open` from the end of the handshake on, `is_over` once nothing more is
    encrypted or decrypted, `has_peer_left` once the caller said that it was the last.
    """

    def __init__(self, raw: asyncio.Transport, context: ssl.SSLContext) -> None:
        super().__init__()
        self._raw, self._context = raw, context
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._records = _RecordEnds()
        self._quiet_until: float | None = None
        self.is_open = self.is_over = self.has_peer_left = False

    @property
    def has_unread(self) -> bool:
        """Whether a request is on its way of which nothing can be read yet: the handshake for it
        has begun, or has just ended, or a part of a record is there.
        """
        if self.is_over:
            return False
        if not self.is_open:
            return self._records.has_begun
        is_new = self._quiet_until is not None and self._loop.time() < self._quiet_until
        return is_new or self._records.is_within

    def take(self, data: bytes) -> bytes:
        """What bytes of the caller say; nothing during the handshake.  Raises: ssl.SSLError."""
        self._records.take(data)
        self._incoming.write(data)
        pieces: list[bytes] = []
        try:
            if not self.is_open:
                self._session.do_handshake()
                self.is_open, self._quiet_until = True, self._loop.time() + _REQUEST_FOLLOWS_S
            while piece := self._session.read(_AT_ONCE):
                pieces.append(piece)
            self.has_peer_left = True
        except ssl.SSLWantReadError:
            pass
        finally:
            self._flush()
        if pieces:
            self._quiet_until = None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def refuse(self, plain: bytes = b"") -> None:
        """End a handshake that failed.  What the caller is told arrives only if what it goes on
        to send is taken from it, so the connection stays, as a half-open one.
        """
        self.is_over = True
        self._raw.write(plain)
        if self._raw.can_write_eof():
            self._raw.write_eof()

    def forget(self) -> None:
        """The connection is gone; what the session holds would wait for the collector."""
        self.is_over = True
        del self._session

    # What the protocol behind calls.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send; before the end of the handshake nobody could read it."""
        if not self.is_open or self.is_over:
            return
        rest = memoryview(data)
        while rest:
            rest = rest[self._session.write(rest) :]
        self._flush()

    def write_eof(self) -> None:
        """Say that it was the last, and read no more: what comes is taken from the caller and
        passed over.
        """
        self._say_end()
        self._raw.write_eof()

    def can_write_eof(self) -> bool:
        """As of the connection."""
        return self._raw.can_write_eof()

    def close(self) -> None:
        """Say that it was the last, and close once that is sent."""
        if not self._raw.is_closing():
            self._say_end()
            self._raw.close()

    def abort(self) -> None:
        """Close at once."""
        self.is_over = True
        self._raw.abort()

    def is_closing(self) -> bool:
        """As of the connection."""
        return self._raw.is_closing()

    def pause_reading(self) -> None:
        """As of the connection: what was decrypted is passed on by then."""
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """As of the connection."""
        self._raw.resume_reading()

    def get_write_buffer_size(self) -> int:
        """As of the connection."""
        return self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As of the connection; `sslcontext` too, by which servers know that it is one of TLS."""
        return self._context if name == "sslcontext" else self._raw.get_extra_info(name, default)

    def _say_end(self) -> None:
        if self.is_open and not self.is_over:
            # It wants the caller's end as well, for which nobody waits.
            with suppress(ssl.SSLError):
                self._session.unwrap()
            self._flush()
        self.is_over = True

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())


class TlsProtocol(asyncio.Protocol):
    """One connection of TLS.

    Args:
        within: reads what was decrypted.
        answer_plain: what a caller is told who does not speak TLS.
        note_failure: told why a handshake failed.
    """

    _is_writing_paused = False

    def __init__(
        self,
        within: asyncio.Protocol,
        context: ssl.SSLContext,
        *,
        answer_plain: Callable[[], bytes],
        note_failure: Callable[[str], None],
    ) -> None:
        self._within, self._context = within, context
        self._answer_plain, self._note_failure = answer_plain, note_failure

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count and to limit it; the handshake follows."""
        self._tls = TlsTransport(transport, self._context)
        self._within.connection_made(self._tls)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._within.connection_lost(exc)
        self._tls.forget()

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and pass on what they say."""
        if self._tls.is_over:
            return
        was_open = self._tls.is_open
        try:
            said = self._tls.take(data)
        except ssl.SSLError as error:
            if was_open:
                # Changed on their way, or made up: nothing that was asked here can be trusted.
                self._tls.close()
            else:
                self._refuse(error)
            return
        if said:
            self._within.data_received(said)
        if self._tls.has_peer_left and not self._tls.is_over:
            self.eof_received()

    def eof_received(self) -> bool | None:
        """Nothing more comes."""
        is_kept = None
        if self._tls.is_open and not self._tls.is_over:
            is_kept = self._within.eof_received()
        if not is_kept:
            self._tls.close()
        return is_kept

    def pause_writing(self) -> None:
        """The caller does not read; in the handshake the time for it runs already."""
        if self._tls.is_open:
            self._is_writing_paused = True
            self._within.pause_writing()

    def resume_writing(self) -> None:
        """The caller reads again."""
        if self._is_writing_paused:
            self._is_writing_paused = False
            self._within.resume_writing()

    def _refuse(self, error: ssl.SSLError) -> None:
        is_plain = error.reason == "HTTP_REQUEST"
        self._note_failure(str(error.reason or error))
        self._tls.refuse(self._answer_plain() if is_plain else b"")


class _RecordEnds:
    """Finds the ends of records, which OpenSSL does not tell: five bytes, the last two of which are
    the length, and so many bytes.

    Source: RFC 8446, section 5.1.
    """

    def __init__(self) -> None:
        self._head, self._left = b"", 0
        self.has_begun = False

    @property
    def is_within(self) -> bool:
        """Whether the bytes that came end within a record."""
        return bool(self._head or self._left)

    def take(self, data: bytes) -> None:
        """Go on over these bytes."""
        self.has_begun, at = True, 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
            else:
                step = min(_RECORD_HEAD - len(self._head), len(data) - at)
                self._head += data[at : at + step]
                if len(self._head) == _RECORD_HEAD:
                    self._left, self._head = int.from_bytes(self._head[3:]), b""
            at += step
