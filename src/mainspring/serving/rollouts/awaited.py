"""The roll-outs that a move of an environment has its servers begin."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec

from mainspring.elements.errors import MainspringError
from mainspring.elements.time import Micros, format_duration
from mainspring.ports.state import StateReader
from mainspring.registry.environment import EnvironmentVersion, asset_names
from mainspring.serving.loader import read_endpoint_definition
from mainspring.serving.rollouts.state import EndpointRevision, revision_of
from mainspring.serving.spec import ABTest, Canary, Rollout

__all__ = ["AwaitedRollout", "awaited_rollout", "iter_awaited_rollouts"]


class AwaitedRollout(msgspec.Struct, frozen=True, kw_only=True):
    """How a new revision of an endpoint is to take over, as soon as servers have it loaded.

    Args:
        endpoint: its declared name.
        kind: `Canary`, `ABTest` or `Shadow`.
        steps: per cent of the entities that it answers, step by step; empty for a shadow.
        hold: for how long each step stands at least, in microseconds.
    """

    endpoint: str
    kind: str
    steps: tuple[int, ...]
    hold: Micros

    def __str__(self) -> str:
        hold = format_duration(self.hold)
        match self.kind:
            case "Canary":
                shares = [f"{share} % for {hold}" for share in self.steps[:-1]]
                return f"{self.endpoint}: canary, {', then '.join([*shares, 'all'])}"
            case "ABTest":
                said = f"{self.steps[0]} % until a person promotes or aborts it, {hold} planned"
                return f"{self.endpoint}: A/B test, {said}"
            case _:
                return f"{self.endpoint}: shadow, asked and not answering for {hold}, then all"


def awaited_rollout(endpoint: str, rollout: Rollout) -> AwaitedRollout:
    """What is declared, as it will go.

    >>> str(awaited_rollout("late", Canary(steps=[5, 25, 100], hold="10m")))
    'late: canary, 5 % for 10m, then 25 % for 10m, then all'
    """
    match rollout:
        case Canary():
            steps = rollout.steps
        case ABTest():
            steps = (rollout.share,)
        case _:
            steps = ()
    kind = type(rollout).__name__
    return AwaitedRollout(endpoint=endpoint, kind=kind, steps=steps, hold=rollout.hold)


def iter_awaited_rollouts(
    before: EnvironmentVersion, after: EnvironmentVersion, state: StateReader
) -> Iterator[AwaitedRollout]:
    """Of the endpoints that had a revision before and have another one now.

    An endpoint that is new answers at once.  One whose definition cannot be read is left out: what
    serves it says what is wrong.

    Args:
        after: not of a rollback, which is served at once.
    """
    for name in asset_names(after, "endpoint"):
        held, fresh = _revision(before, name, state), _revision(after, name, state)
        if held and fresh and held.revision.name != fresh.revision.name and fresh.rollout:
            yield awaited_rollout(name, fresh.rollout)


class _Revision(NamedTuple):
    revision: EndpointRevision
    rollout: Rollout | None


def _revision(environment: EnvironmentVersion, name: str, state: StateReader) -> _Revision | None:
    with suppress(MainspringError):
        definition = read_endpoint_definition(state, environment, name)
        if definition is not None and definition.model in environment.pointers:
            return _Revision(revision_of(environment, name, definition.model), definition.rollout)
    return None
