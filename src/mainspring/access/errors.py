"""What can go wrong with a token."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError

__all__ = [
    "NotPermitted",
    "OutOfScope",
    "ScopeInvalid",
    "SecretFileRefused",
    "TokenMissing",
    "TokenNotFound",
    "TokenUnknown",
]


@dataclass(eq=False, kw_only=True)
class TokenMissing(AccessError):
    """A request has no token.  Every route except health needs one."""

    code: ClassVar[str] = "ACC-001"
    template: ClassVar[str] = "the request has no token"
    remedy: ClassVar[str] = (
        "send the header Authorization: Bearer TOKEN; that of a workspace is in .mainspring/token, "
        "that of serve-model in its --token-file"
    )


@dataclass(eq=False, kw_only=True)
class TokenUnknown(AccessError):
    """A token is not known, has expired or was revoked.

    Which of these it is, is not said to whoever sent it; `mainspring auth list --all` and the
    journal say it.
    """

    code: ClassVar[str] = "ACC-002"
    template: ClassVar[str] = "the token is not known, has expired or was revoked"
    remedy: ClassVar[str] = "create one with `mainspring auth create`"


@dataclass(eq=False, kw_only=True)
class NotPermitted(AccessError):
    """A token is valid but does not have the permission that the request needs."""

    code: ClassVar[str] = "ACC-003"
    template: ClassVar[str] = "{actor} may not {permission}"
    remedy: ClassVar[str] = (
        "use a token that has it: `mainspring auth create --permission {permission}`"
    )
    actor: str
    permission: str


@dataclass(eq=False, kw_only=True)
class OutOfScope(AccessError):
    """A token is valid and has the permission, but not for what the request names.

    A token is for one environment or several, and may be limited to endpoints and to sources.  A
    route that tells of a whole environment, such as its status, takes no token that is limited.
    """

    code: ClassVar[str] = "ACC-031"
    template: ClassVar[str] = "the token of {actor} is not for {missing}"
    remedy: ClassVar[str] = (
        "use a token that is: `mainspring auth create`, with --env, --endpoint or --source"
    )
    actor: str
    missing: str


@dataclass(eq=False, kw_only=True)
class TokenNotFound(AccessError):
    """No token has this id.  A token is named by its id, which is no secret, and never by itself:
    what stands on a command line can be read by others.
    """

    code: ClassVar[str] = "ACC-032"
    template: ClassVar[str] = "there is no token with {what}"
    remedy: ClassVar[str] = "`mainspring auth list --all` shows the ids"
    what: str


@dataclass(eq=False, kw_only=True)
class ScopeInvalid(AccessError):
    """A token was to be made with a scope that means nothing."""

    code: ClassVar[str] = "ACC-033"
    template: ClassVar[str] = "no token can be made: {reason}"
    remedy: ClassVar[str] = "say what it is for, as `mainspring auth create --help` explains"
    reason: str


@dataclass(eq=False, kw_only=True)
class SecretFileRefused(AccessError):
    """A file cannot hold a secret, or cannot be read as one.

    A secret is written to a file that did not exist, which only its owner can read, and through no
    link; it is read from a plain file.
    """

    code: ClassVar[str] = "ACC-034"
    template: ClassVar[str] = "{path} cannot hold a token: {reason}"
    remedy: ClassVar[str] = "name another file, or remove what is there"
    path: str
    reason: str
