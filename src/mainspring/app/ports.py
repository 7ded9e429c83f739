"""The ports that a package takes, picked from all that the composition root has opened."""

from mainspring.monitoring.parity import ParityPorts
from mainspring.monitoring.runner import MonitorPorts
from mainspring.project.kinds.evaluation import Runtime

__all__ = ["monitor_ports", "parity_ports"]


def monitor_ports(runtime: Runtime) -> MonitorPorts:
    """The ports that monitors work with."""
    return MonitorPorts(
        project=runtime.project,
        state=runtime.state,
        log=runtime.log,
        tables=runtime.tables,
        objects=runtime.objects,
        scorers=runtime.scorers,
        clock=runtime.data_clock,
    )


def parity_ports(runtime: Runtime) -> ParityPorts:
    """The ports that parity is checked with."""
    return ParityPorts(
        project=runtime.project,
        actor=runtime.actor,
        state=runtime.state,
        log=runtime.log,
        tables=runtime.tables,
        online=runtime.online,
        objects=runtime.objects,
        scorers=runtime.scorers,
        clock=runtime.clock,
        data_clock=runtime.data_clock,
    )
