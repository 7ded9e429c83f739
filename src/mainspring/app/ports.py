"""The ports that a package takes, picked from all that the composition root has opened."""

from mainspring.monitoring.parity import ParityPorts
from mainspring.monitoring.runner import MonitorPorts
from mainspring.project.kinds.evaluation import Runtime

__all__ = ["monitor_ports", "parity_ports"]


def monitor_ports(tools: Runtime) -> MonitorPorts:
    """The ports that monitors work with."""
    return MonitorPorts(
        project=tools.project,
        state=tools.state,
        log=tools.log,
        tables=tools.tables,
        objects=tools.objects,
        scorers=tools.scorers,
        clock=tools.data_clock,
    )


def parity_ports(tools: Runtime) -> ParityPorts:
    """The ports that parity is checked with."""
    return ParityPorts(
        project=tools.project,
        actor=tools.actor,
        state=tools.state,
        log=tools.log,
        tables=tools.tables,
        online=tools.online,
        objects=tools.objects,
        scorers=tools.scorers,
        clock=tools.clock,
        data_clock=tools.data_clock,
    )
