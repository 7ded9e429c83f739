"""With whom, and as whom, a client speaks."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from mainspring.client.serving.attempts import Failure
from mainspring.client.serving.calls import ServerAnswer
from mainspring.ports.errors import FileRefused

__all__ = ["Address", "TlsFiles", "answer_of", "failure_of", "limits_of", "reading"]


class TlsFiles(NamedTuple):
    """Files of TLS.

    Args:
        authorities: certificates that the server's is checked with; None: those of the system.
        certificate, key: of the client, where the server asks for them.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """What connections are made with.  Raises: FileRefused ENG-031."""
        with reading(self.authorities or self.certificate or Path()):
            context = ssl.create_default_context(
                cafile=str(self.authorities) if self.authorities else None
            )
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key)
            return context


class Address:
    """A server, and the token for it.

    Args:
        token_file: is read at each call, so that a rotated token is found.

    Raises: ValueError for what is no address.
    """

    def __init__(self, url: str, token: str, token_file: Path | None) -> None:
        parts = httpx.URL(url)
        if parts.scheme not in ("http", "https") or not parts.host:
            raise ValueError(f"{url!r} is no address of a server, such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self._token, self._file = token, token_file

    def headers(self) -> dict[str, str]:
        """What says who calls.  Raises: FileRefused ENG-031."""
        token = self._token
        if self._file:
            with reading(self._file):
                token = self._file.read_text(encoding="utf-8").strip()
        return {"Authorization": f"Bearer {token}"} if token else {}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Errors of the system about a file, as ours."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileRefused(file=str(error.filename or path), reason=reason) from error


def limits_of(connections: int) -> httpx.Limits:
    """How many connections are open at most, all of which are kept."""
    return httpx.Limits(max_connections=connections, max_keepalive_connections=connections)


def answer_of(response: httpx.Response, body: bytes) -> ServerAnswer:
    """The answer that a response is."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return ServerAnswer(response.status_code, headers, body)


def failure_of(error: httpx.TransportError) -> Failure:
    """What an error of the network says of the call."""
    reason = str(error) or type(error).__name__
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return Failure(reason, was_sent=False, is_timeout=True)
        case httpx.ConnectError() | httpx.UnsupportedProtocol():
            return Failure(reason, was_sent=False)
        case httpx.TimeoutException():
            return Failure(reason, was_sent=True, is_timeout=True)
        case _:
            return Failure(reason, was_sent=True)
