"""How a model is to answer: under which name, and how fast a new one takes over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mainspring.elements.declaration import GivenTags, Tags, caller, freeze, parse_tags
from mainspring.elements.errors import Location
from mainspring.elements.time import Micros, parse_duration
from mainspring.training.spec import Model

__all__ = ["Canary", "Endpoint"]


@dataclass(frozen=True, init=False)
class Canary:
    """A new revision gets these shares of the requests (per cent), each held so long; the last must
    be 100.
    """

    steps: tuple[int, ...]
    hold: Micros

    def __init__(self, *, steps: Sequence[int], hold: str) -> None:
        freeze(self, steps=tuple(steps), hold=parse_duration(hold))


@dataclass(frozen=True, init=False)
class Endpoint:
    """A name that answers predictions of a model.

    Args:
        name: part of the route: letters, digits and dashes.
        rollout: how a new revision takes over in protected environments; default, and always in
            unprotected ones: at once.
        retention: for how long predictions are kept; then `gc` may forget them, and they cannot be
            replayed any more.  None keeps all.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset({"rollout", "retention", "owner", "description"})

    name: str
    model: Model
    rollout: Canary | None
    retention: Micros | None
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()

    def __init__(
        self,
        name: str,
        *,
        model: Model,
        rollout: Canary | None = None,
        retention: str | None = None,
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
    ) -> None:
        kept = parse_duration(retention) if retention else None
        freeze(
            self,
            name=name,
            model=model,
            rollout=rollout,
            retention=kept,
            owner=owner,
            description=description,
            tags=parse_tags(tags),
            declared_at=caller(),
        )
