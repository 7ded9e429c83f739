"""What an environment holds of an endpoint, parsed from the definition that is stored beside its
pointer.

A server works from this and not from the project's files: those may say something else by now, or
not load at all.
"""

from dataclasses import dataclass

import msgspec

from mainspring.elements.time import Micros, format_duration
from mainspring.registry.environment import AssetDefinition
from mainspring.serving.inference.spec import InferenceLog
from mainspring.serving.spec import ABTest, Canary, Rollout, RolloutRules, Shadow

__all__ = ["EndpointDefinition", "parse_endpoint_definition"]


@dataclass(frozen=True, kw_only=True)
class EndpointDefinition:
    """An endpoint as it was applied.

    Args:
        name: as declared.
        model: the asset that answers, such as `model.late_arrival`.
        rollout: how a new revision takes over; None: at once.
        retention: for how long its predictions are kept, in microseconds; None keeps all.
        log: how its predictions are logged; None: as the environment says.
    """

    name: str
    model: str
    rollout: Rollout | None
    retention: Micros | None
    log: InferenceLog | None = None


class _Reference(msgspec.Struct):
    asset: str


class _Rollout(msgspec.Struct):
    """As it is stored: `is` names the class; what has no rules was stored before there were any."""

    hold: Micros
    kind: str = msgspec.field(name="is", default="Canary")
    steps: tuple[int, ...] = ()
    share: int = 0
    rules: RolloutRules = RolloutRules()

    def declared(self) -> Rollout:
        """As it was declared."""
        hold = format_duration(self.hold)
        match self.kind:
            case "Canary":
                return Canary(steps=self.steps, hold=hold, rules=self.rules)
            case "ABTest":
                return ABTest(share=self.share, hold=hold, rules=self.rules)
            case "Shadow":
                return Shadow(hold=hold, rules=self.rules)
            case _:
                raise msgspec.ValidationError(f"there is no roll-out {self.kind!r}")


def parse_endpoint_definition(definition: AssetDefinition) -> EndpointDefinition:
    """The endpoint of a stored definition.

    Raises: msgspec.ValidationError when the document is none of an endpoint.
    """
    fields = {**definition.build, **definition.policy}
    rollout = msgspec.json.decode(fields.get("rollout", "null"), type=_Rollout | None)
    return EndpointDefinition(
        name=definition.asset.removeprefix("endpoint."),
        model=msgspec.json.decode(fields.get("model", "null"), type=_Reference).asset,
        rollout=rollout.declared() if rollout else None,
        retention=msgspec.json.decode(fields.get("retention", "null"), type=Micros | None),
        log=msgspec.json.decode(fields.get("log", "null"), type=InferenceLog | None),
    )
