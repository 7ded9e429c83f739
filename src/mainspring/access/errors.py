"""What can go wrong with a token."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError

__all__ = ["NotPermitted", "TokenMissing", "TokenUnknown"]


@dataclass(eq=False, kw_only=True)
class TokenMissing(AccessError):
    """Every route but health needs a token: deny by default."""

    code: ClassVar[str] = "ACC-001"
    template: ClassVar[str] = "the request carries no token"
    remedy: ClassVar[str] = (
        "send the header Authorization: Bearer TOKEN; the token of this workspace is "
        "in .mainspring/token"
    )


@dataclass(eq=False, kw_only=True)
class TokenUnknown(AccessError):
    """The token belongs to nobody here; it may have been revoked."""

    code: ClassVar[str] = "ACC-002"
    template: ClassVar[str] = "the token is not known"
    remedy: ClassVar[str] = "create one with `mainspring auth create`"


@dataclass(eq=False, kw_only=True)
class NotPermitted(AccessError):
    """The token is good and does not carry this permission."""

    code: ClassVar[str] = "ACC-003"
    template: ClassVar[str] = "{actor} may not {permission}"
    remedy: ClassVar[str] = (
        "use a token with that permission: `mainspring auth create --permission {permission}`"
    )
    actor: str
    permission: str
