"""What a client of a server raises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = [
    "AnswerLost",
    "AnswerUnreadable",
    "CallTimedOut",
    "ClientClosed",
    "QueueFull",
    "RequestRefused",
    "ServerUnreachable",
]


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
    remedy: ClassVar[str] = (
        "see that the server runs, is ready and is reached at this address, and ask again; of a "
        "push, with the error's `rows`"
    )

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


@dataclass(eq=False, kw_only=True)
class CallTimedOut(ServingError):
    """A call was not answered within the time that its caller gave it, repetitions included.

    The server was told how long its caller waits, and begins nothing after that.
    """

    code: ClassVar[str] = "SRV-064"
    template: ClassVar[str] = "{url} did not answer {call} within {timeout_s:g} s: {reason}"
    remedy: ClassVar[str] = "give it more time by `timeout_s`, or send fewer rows"

    url: str
    call: str
    timeout_s: float
    reason: str


@dataclass(eq=False, kw_only=True)
class AnswerLost(ServingError):
    """A connection broke after a call was sent, so nobody knows whether it was answered.

    A prediction may be in the inference log then, under an id that its caller does not know; so it
    is sent again only where the caller asks for that.
    """

    code: ClassVar[str] = "SRV-065"
    template: ClassVar[str] = "the answer of {url} to {call} was lost: {reason}"
    remedy: ClassVar[str] = (
        "call again, or give `repeat_lost=True`; a prediction may be logged twice then"
    )

    url: str
    call: str
    reason: str


@dataclass(eq=False, kw_only=True)
class AnswerUnreadable(ServingError):
    """An answer is not what a server of this version answers: most often the address is that of
    something else.
    """

    code: ClassVar[str] = "SRV-066"
    template: ClassVar[str] = "{url} answered {call} with what cannot be read: {reason}"
    remedy: ClassVar[str] = "see that the address is that of a Mainspring server"

    url: str
    call: str
    reason: str
