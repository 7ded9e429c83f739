"""What can go wrong with a request that is no matter of its route."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = [
    "BodyTooLarge",
    "HeadTooLarge",
    "InternalFault",
    "RequestTooSlow",
    "ServerBusy",
    "TlsFileUnusable",
    "TlsKeyExposed",
    "TlsWanted",
    "TooManyConnections",
    "UnknownHost",
]


@dataclass(eq=False, kw_only=True)
class HeadTooLarge(ServingError):
    """The request line and headers of a request are more than a request may have."""

    code: ClassVar[str] = "SRV-040"
    template: ClassVar[str] = "the request has more than {limit}"
    remedy: ClassVar[str] = "send fewer and shorter headers, cookies among them"

    limit: str


@dataclass(eq=False, kw_only=True)
class RequestTooSlow(ServingError):
    """A request did not arrive in time.  The limit keeps those who never finish from taking the
    places of others.
    """

    code: ClassVar[str] = "SRV-041"
    template: ClassVar[str] = "the {part} of the request did not arrive within {timeout_s:g} s"
    remedy: ClassVar[str] = "send it again, at once; a large body as several requests"

    part: str
    timeout_s: float


@dataclass(eq=False, kw_only=True)
class TooManyConnections(ServingError):
    """The server has as many connections as it takes, in all or from this address.

    The connection that has waited longest without a request gives way first.  Beside them there are
    places in reserve, on which only health is answered.
    """

    code: ClassVar[str] = "SRV-042"
    template: ClassVar[str] = "the server has as many connections as it takes"
    remedy: ClassVar[str] = "send several requests on one connection, and try again in a moment"


@dataclass(eq=False, kw_only=True)
class BodyTooLarge(ServingError):
    """The body of a request is larger than a body may be."""

    code: ClassVar[str] = "SRV-043"
    template: ClassVar[str] = "the body is larger than {limit:,} bytes"
    remedy: ClassVar[str] = "split it into several requests"

    limit: int


@dataclass(eq=False, kw_only=True)
class ServerBusy(ServingError):
    """The server has more to do than it takes at once: bodies in memory, requests that wait for a
    thread or for their turn; or it had to end before it could answer.
    """

    code: ClassVar[str] = "SRV-045"
    template: ClassVar[str] = "the server is busy: {reason}"
    remedy: ClassVar[str] = "send it again after the seconds in Retry-After"

    reason: str


@dataclass(eq=False, kw_only=True)
class UnknownHost(ServingError):
    """A request was sent to a host that this server is not known by.

    A page of another site can make a browser send requests to a server on its user's machine; they
    name the site's host, and are refused by it.
    """

    code: ClassVar[str] = "SRV-046"
    template: ClassVar[str] = "this server is not known as {host!r}"
    remedy: ClassVar[str] = (
        "use its address, or start it with --allow-host NAME if a proxy or a name leads to it"
    )

    host: str


@dataclass(eq=False, kw_only=True)
class InternalFault(ServingError):
    """The server has a bug, which ended this request and no other.

    Its log has the trace under the id of the answer, and `mainspring_unhandled_errors_total` in
    `/metrics` counts it by its route.
    """

    code: ClassVar[str] = "SRV-047"
    template: ClassVar[str] = "the server failed on this request; its log says more under {id}"
    remedy: ClassVar[str] = "give the id to whoever runs the server"

    id: str


@dataclass(eq=False, kw_only=True)
class TlsFileUnusable(ServingError):
    """A file of TLS is not what it should be: it is not there, is no PEM, needs a password, is not
    valid now, or a key is not that of the certificate.

    A server does not start with such a file, and does not take one for the one that it has.
    """

    code: ClassVar[str] = "SRV-054"
    template: ClassVar[str] = "the file {file} cannot be used for TLS: {reason}"
    remedy: ClassVar[str] = (
        "give --tls-cert the certificate with those above it, --tls-key its key, and --client-ca "
        "the authority of callers, each as PEM and without a password"
    )

    file: str
    reason: str


@dataclass(eq=False, kw_only=True)
class TlsKeyExposed(ServingError):
    """Others than its owner can open the private key of a server, and could answer in its name.

    The group may read a key that belongs to root, and nobody else may.
    """

    code: ClassVar[str] = "SRV-055"
    template: ClassVar[str] = "others can open the private key {file}: {reason}"
    remedy: ClassVar[str] = "chmod 600 it as its owner, and think about a new one"

    file: str
    reason: str


@dataclass(eq=False, kw_only=True)
class TlsWanted(ServingError):
    """A request came as plain HTTP to a port on which TLS is spoken."""

    code: ClassVar[str] = "SRV-056"
    template: ClassVar[str] = "this server speaks TLS only"
    remedy: ClassVar[str] = (
        "ask by https://, and replace the token that came with it: others could read it"
    )
