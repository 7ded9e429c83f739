"""What an environment holds of an endpoint, parsed from the definition that is stored beside its
pointer.

A server works from this and not from the project's files: those may say something else by now, or
not load at all.
"""

from dataclasses import dataclass

import msgspec

from mainspring.elements.time import Micros, format_duration
from mainspring.registry.environment import AssetDefinition
from mainspring.serving.spec import Canary

__all__ = ["EndpointDefinition", "parse_endpoint_definition"]


@dataclass(frozen=True, kw_only=True)
class EndpointDefinition:
    """An endpoint as it was applied.

    Args:
        name: as declared.
        model: the asset that answers, such as `model.late_arrival`.
        rollout: how a new revision takes over in a protected environment; None: at once.
        retention: for how long its predictions are kept, in microseconds; None keeps all.
    """

    name: str
    model: str
    rollout: Canary | None
    retention: Micros | None


class _Reference(msgspec.Struct):
    asset: str


class _Steps(msgspec.Struct):
    steps: tuple[int, ...]
    hold: Micros


def parse_endpoint_definition(definition: AssetDefinition) -> EndpointDefinition:
    """The endpoint of a stored definition.

    Raises: msgspec.ValidationError when the document is none of an endpoint.
    """
    fields = {**definition.build, **definition.policy}
    steps = msgspec.json.decode(fields.get("rollout", "null"), type=_Steps | None)
    return EndpointDefinition(
        name=definition.asset.removeprefix("endpoint."),
        model=msgspec.json.decode(fields.get("model", "null"), type=_Reference).asset,
        rollout=Canary(steps=steps.steps, hold=format_duration(steps.hold)) if steps else None,
        retention=msgspec.json.decode(fields.get("retention", "null"), type=Micros | None),
    )
