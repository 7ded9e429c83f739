"""How a model is to answer: under which name, and how fast a new one takes over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mainspring.elements.declaration import ADDED, GivenTags, Tags, caller, freeze, parse_tags
from mainspring.elements.errors import Location
from mainspring.elements.time import Micros, parse_duration
from mainspring.serving.inference.spec import InferenceLog
from mainspring.training.spec import Model

__all__ = ["ABTest", "Canary", "Endpoint", "InferenceLog", "Rollout", "RolloutRules", "Shadow"]


@dataclass(frozen=True, kw_only=True)
class RolloutRules:
    """When a new revision is taken back, compared with the one in charge at the same time.

    Args:
        errors: it may fail this many times as often; None: any number.
        latency: its answers may be slow this many times as often, where a slow one is as the
            slowest tenth of the revision in charge was before the step; None: any number.
        scores: a part of the range of scores may be answered this many times as often, or as
            seldom; None: scores are not compared.
        quality: the loss on labels that have arrived may be this much higher (squared error, which
            for a probability is the Brier score); None: labels are not waited for.
        min_predictions: the new revision answers so many rows at least before a step goes on.
        alpha: the chance of taking back what is no worse, for each rule in each step, however often
            it is looked at.
    """

    errors: float | None = 1.5
    latency: float | None = 2.0
    scores: float | None = None
    quality: float | None = None
    min_predictions: int = 0
    alpha: float = 0.001


_RULES = RolloutRules()


@dataclass(frozen=True, init=False)
class Canary:
    """A new revision gets these shares of the requests (per cent), each held so long; the last must
    be 100.
    """

    steps: tuple[int, ...]
    hold: Micros
    rules: RolloutRules

    def __init__(self, *, steps: Sequence[int], hold: str, rules: RolloutRules = _RULES) -> None:
        freeze(self, steps=tuple(steps), hold=parse_duration(hold), rules=rules)


@dataclass(frozen=True, init=False)
class ABTest:
    """Both revisions answer, each its share of the entities, until a person chooses one; a rule may
    take the new one back before.

    Args:
        share: per cent of the entities that the new revision answers.
        hold: for how long at least; then status says that the test is over.
    """

    share: int
    hold: Micros
    rules: RolloutRules

    def __init__(self, *, share: int = 50, hold: str = "14d", rules: RolloutRules = _RULES) -> None:
        freeze(self, share=share, hold=parse_duration(hold), rules=rules)


@dataclass(frozen=True, init=False)
class Shadow:
    """A new revision is asked what the one in charge is asked, behind the caller's back: its
    answers are compared and dropped.  After the hold it takes over, unless a rule speaks against
    it.
    """

    hold: Micros
    rules: RolloutRules

    def __init__(self, *, hold: str, rules: RolloutRules = _RULES) -> None:
        freeze(self, hold=parse_duration(hold), rules=rules)


Rollout = Canary | ABTest | Shadow
"""How a new revision takes over."""


@dataclass(frozen=True, init=False)
class Endpoint:
    """A name that answers predictions of a model.

    Args:
        name: part of the route: letters, digits and dashes.
        rollout: how a new revision takes over; default: at once.
        retention: for how long predictions are kept; then `gc` may forget them, and they cannot be
            replayed any more.  None keeps all.
        log: how predictions are logged; default: as the environment says.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset(
        {"rollout", "retention", "log", "owner", "description"}
    )

    name: str
    model: Model
    rollout: Rollout | None
    retention: Micros | None
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()
    log: InferenceLog | None = field(default=None, metadata=ADDED)

    def __init__(
        self,
        name: str,
        *,
        model: Model,
        rollout: Rollout | None = None,
        retention: str | None = None,
        log: InferenceLog | None = None,
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
            log=log,
            declared_at=caller(),
        )
