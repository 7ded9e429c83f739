"""What a client of a server raises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = ["ClientClosed", "QueueFull", "RequestRefused", "ServerUnreachable"]


@dataclass(eq=False, kw_only=True)
class RequestRefused(ServingError):
    """A server refused a request of a client, and would refuse it again.

    `refused` is the code of the problem document, which `mainspring explain` explains; `rows` are
    those that were not taken in.
    """

    code: ClassVar[str] = "SRV-060"
    template: ClassVar[str] = "{url} answered {status} {refused}: {detail}"
    remedy: ClassVar[str] = "{advice}"

    url: str
    status: int
    refused: str
    detail: str
    advice: str
    rows: Sequence[Mapping[str, object]] = field(default=(), repr=False)


@dataclass(eq=False, kw_only=True)
class ServerUnreachable(ServingError):
    """A server did not answer a client, or was busy, for as long as the client tries.

    Its rows may have been taken in all the same: push them again, those that are there already are
    counted as duplicates.
    """

    code: ClassVar[str] = "SRV-061"
    template: ClassVar[str] = "{url} did not take a request for {tried_s:g} s: {reason}"
    remedy: ClassVar[str] = "see that the server runs and is ready, and push `rows` again"

    url: str
    tried_s: float
    reason: str
    rows: Sequence[Mapping[str, object]] = field(default=(), repr=False)


@dataclass(eq=False, kw_only=True)
class QueueFull(ServingError):
    """Rows were pushed faster than the server takes them in, for longer than the caller waits."""

    code: ClassVar[str] = "SRV-062"
    template: ClassVar[str] = "{waiting:,} rows wait, and none was sent within {timeout_s:g} s"
    remedy: ClassVar[str] = "wait longer, push less, or raise `max_waiting_rows`"

    waiting: int
    timeout_s: float


@dataclass(eq=False, kw_only=True)
class ClientClosed(ServingError):
    """Something was asked of a client that is closed."""

    code: ClassVar[str] = "SRV-063"
    template: ClassVar[str] = "the client of {url} is closed"
    remedy: ClassVar[str] = "open another one; `with Client(…) as client:` closes it at the end"

    url: str
