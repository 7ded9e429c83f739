"""What a monitor and an endpoint were declared as, parsed from the definition that an environment
holds of them.

An environment's monitors are those of its version, as they were when it was applied: no project has
to load for a server to run them, and what is edited and not applied yet changes nothing.
"""

from dataclasses import dataclass

import msgspec

from mainspring.flow.schedule import ScheduleInterval
from mainspring.monitoring.errors import UnreadableMonitor
from mainspring.registry.environment import AssetDefinition

__all__ = ["MonitorDefinition", "parse_monitor", "parse_served_model"]


@dataclass(frozen=True, kw_only=True)
class MonitorDefinition:
    """A monitor as an environment holds it; its fields are those of `Monitor`, the model by its
    name.
    """

    name: str
    model: str
    schedule: ScheduleInterval
    sensitivity: float


def parse_monitor(definition: AssetDefinition) -> MonitorDefinition:
    """The monitor of a definition.  Raises: UnreadableMonitor MON-003.

    >>> parse_monitor(AssetDefinition(asset="monitor.late-monitor", parents={},
    ...     build={"model": '{"asset":"model.late"}'},
    ...     policy={"schedule": '"daily"', "sensitivity": "1.4"}))
    MonitorDefinition(name='late-monitor', model='late', schedule='daily', sensitivity=1.4)
    """
    return MonitorDefinition(
        name=_own_name(definition.asset),
        model=parse_served_model(definition),
        schedule=_schedule(definition),
        sensitivity=_sensitivity(definition),
    )


def parse_served_model(definition: AssetDefinition) -> str:
    """The name of the model that a monitor or an endpoint is of.  Raises: UnreadableMonitor
    MON-003.
    """
    match _value(definition, "model"):
        case {"asset": str(asset)}:
            return _own_name(asset)
        case _:
            raise _unreadable(definition, "model")


def _schedule(definition: AssetDefinition) -> ScheduleInterval:
    match _value(definition, "schedule"):
        case "hourly":
            return "hourly"
        case "daily":
            return "daily"
        case _:
            raise _unreadable(definition, "schedule")


def _sensitivity(definition: AssetDefinition) -> float:
    match _value(definition, "sensitivity"):
        case float(number) | int(number):
            return float(number)
        # As a definition has numbers that JSON has no notation for.
        case {"float": "inf"}:
            return float("inf")
        case _:
            raise _unreadable(definition, "sensitivity")


def _value(definition: AssetDefinition, field: str) -> object:
    """The value of a field of either part; None where it is missing or no JSON."""
    try:
        return msgspec.json.decode((definition.build | definition.policy).get(field, ""))
    except msgspec.DecodeError:
        return None


def _unreadable(definition: AssetDefinition, field: str) -> UnreadableMonitor:
    found = (definition.build | definition.policy).get(field, "nothing")
    return UnreadableMonitor(asset=definition.asset, field=field, found=found)


def _own_name(asset: str) -> str:
    return asset.partition(".")[2]
