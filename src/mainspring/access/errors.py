"""What can go wrong with a token."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError

__all__ = ["NotPermitted", "TokenMissing", "TokenUnknown"]


@dataclass(eq=False, kw_only=True)
class TokenMissing(AccessError):
    """A request has no token.  Every route except health needs one."""

    code: ClassVar[str] = "ACC-001"
    template: ClassVar[str] = "the request has no token"
    remedy: ClassVar[str] = (
        "send the header Authorization: Bearer TOKEN; the token of this workspace is "
        "in .mainspring/token"
    )


@dataclass(eq=False, kw_only=True)
class TokenUnknown(AccessError):
    """A token is not known; it may have been revoked."""

    code: ClassVar[str] = "ACC-002"
    template: ClassVar[str] = "the token is not known"
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
