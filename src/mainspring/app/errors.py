"""What can go wrong at the edges."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError, FlowError

__all__ = ["NotPermitted", "NothingToRollBack", "ProtectedEnvironment", "TokenMissing", "TokenUnknown", "UnknownAsset", "UnknownEnvironment"]


@dataclass(eq=False, kw_only=True)
class TokenMissing(AccessError):
    """Every route but health needs a token: deny by default."""

    code: ClassVar[str] = "ACC-001"
    template: ClassVar[str] = "the request carries no token"
    remedy: ClassVar[str] = "send the header Authorization: Bearer TOKEN; the token of this workspace is in .mainspring/token"


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
    remedy: ClassVar[str] = "use a token with that permission: `mainspring auth create --permission {permission}`"
    actor: str
    permission: str


@dataclass(eq=False, kw_only=True)
class UnknownEnvironment(AccessError):
    """The project has no environment of this name."""

    code: ClassVar[str] = "ACC-004"
    template: ClassVar[str] = "there is no environment {environment!r}; the project has {known}"
    remedy: ClassVar[str] = "use one of these, or declare it in project.toml"
    environment: str
    known: str


@dataclass(eq=False, kw_only=True)
class ProtectedEnvironment(AccessError):
    """A protected environment holds only what was promoted to it: nothing is built or pointed at there directly."""

    code: ClassVar[str] = "ACC-005"
    template: ClassVar[str] = "{environment} is protected: it takes promotions and rollbacks, not {act}"
    remedy: ClassVar[str] = "apply to dev, then `mainspring promote dev {environment}`"
    environment: str
    act: str


@dataclass(eq=False, kw_only=True)
class UnknownAsset(AccessError):
    """The project, or the environment, has nothing of this name."""

    code: ClassVar[str] = "ACC-006"
    template: ClassVar[str] = "there is no {kind} {name!r}; there is: {known}"
    remedy: ClassVar[str] = "check the name; `mainspring status` lists what there is"
    kind: str
    name: str
    known: str


@dataclass(eq=False, kw_only=True)
class NothingToRollBack(FlowError):
    """A rollback restores the map before the present one; this environment has none."""

    code: ClassVar[str] = "FLO-020"
    template: ClassVar[str] = "{environment} has no earlier map to go back to"
    remedy: ClassVar[str] = "nothing needs doing"
    environment: str
