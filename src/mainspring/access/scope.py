"""What a token is for, and what a request asks of it."""

from collections.abc import Collection
from typing import Literal as OneOf
from typing import NamedTuple, get_args

__all__ = ["PERMISSIONS", "Demand", "Permission", "ResourceKind", "TokenScope"]

Permission = OneOf["predict", "ingest", "features", "read", "operate"]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

ResourceKind = OneOf["", "environment", "endpoint", "source"]
"""What a request is about: one endpoint, one source, the environment as a whole, or none of them.
"""

_LONGEST_NAME = 100


class Demand(NamedTuple):
    """What a request asks for.

    Args:
        permission: that it needs.
        kind: what it is about.
        name: of the endpoint or the source.
    """

    permission: str
    kind: ResourceKind = ""
    name: str = ""


class TokenScope(NamedTuple):
    """What a token is for.

    Args:
        environments, endpoints, sources: their names; None for all of them.
    """

    permissions: tuple[Permission, ...]
    environments: tuple[str, ...] | None = None
    endpoints: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None

    def holds_environment(self, environment: str) -> bool:
        """Whether it is worth anything in an environment."""
        return _holds(self.environments, environment)

    def missing(self, demand: Demand) -> str:
        """What of an environment a request asks for beyond this scope, in words; empty where
        nothing is missing.  Permissions are not looked at.

        >>> scope = TokenScope(("read",), endpoints=("a",))
        >>> scope.missing(Demand("read", "endpoint", "a"))
        ''
        >>> scope.missing(Demand("read", "endpoint", "b"))
        "endpoint 'b'"
        >>> scope.missing(Demand("read", "environment"))
        'the whole environment'
        """
        match demand.kind:
            case "":
                return ""
            case "environment":
                is_limited = self.endpoints is not None or self.sources is not None
                return "the whole environment" if is_limited else ""
            case "endpoint" | "source" as kind:
                names = self.endpoints if kind == "endpoint" else self.sources
                is_held = _holds(names, demand.name)
                return "" if is_held else f"{kind} {demand.name[:_LONGEST_NAME]!r}"


def _holds(names: Collection[str] | None, name: str) -> bool:
    return names is None or name in names
