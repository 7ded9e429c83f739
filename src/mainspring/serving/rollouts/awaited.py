"""The roll-outs that a move of an environment has its servers begin."""

from collections.abc import Iterator

import msgspec

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
        kind: `canary`, `ab-test` or `shadow`.
        steps: per cent of the entities that it answers, step by step.
        hold: for how long each step stands at least, in microseconds.
    """

    endpoint: str
    kind: str
    steps: tuple[int, ...]
    hold: Micros

    def __str__(self) -> str:
        hold = format_duration(self.hold)
        match self.kind:
            case "canary":
                shares = [f"{share} % for {hold}" for share in self.steps[:-1]]
                return f"{self.endpoint}: canary, {', then '.join([*shares, 'all'])}"
            case "ab-test":
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
            kind, steps = "canary", rollout.steps
        case ABTest():
            kind, steps = "ab-test", (rollout.share,)
        case _:
            kind, steps = "shadow", (0,)
    return AwaitedRollout(endpoint=endpoint, kind=kind, steps=steps, hold=rollout.hold)


def iter_awaited_rollouts(
    before: EnvironmentVersion, after: EnvironmentVersion, state: StateReader
) -> Iterator[AwaitedRollout]:
    """Of the endpoints that had a revision before and have another one now.

    A rollback, and an endpoint that is new, answer at once.  Raises: ModelRefused SRV-002 when what
    is stored defines no endpoint.
    """
    if after.reason == "rollback":
        return
    for name in asset_names(after, "endpoint"):
        definition = read_endpoint_definition(state, after, name)
        if definition is None or definition.rollout is None:
            continue
        held = _revision(before, name, definition.model)
        fresh = _revision(after, name, definition.model)
        if held and fresh and held.name != fresh.name:
            yield awaited_rollout(name, definition.rollout)


def _revision(environment: EnvironmentVersion, name: str, model: str) -> EndpointRevision | None:
    if {f"endpoint.{name}", model} <= environment.pointers.keys():
        return revision_of(environment, name, model)
    return None
