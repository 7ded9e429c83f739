"""Simulations of an environment, composed from what they read and the engines that they run on."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from mainspring.app.engines import OpenState, open_state
from mainspring.elements.events import ProjectName
from mainspring.elements.time import DAY, Micros
from mainspring.engines.local.clock import FrozenClock, SeededIds
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.monitoring.window import WindowReport
from mainspring.ports.clock import Clock
from mainspring.project.config.engines import EngineChoices
from mainspring.project.kinds.evaluation import Runtime
from mainspring.registry.version import ModelVersion
from mainspring.simulation.engines import SimulationEngines
from mainspring.simulation.scenario import ScenarioPorts, scenario_for_environment
from mainspring.simulation.simulate import SimulationReport, run_simulation

__all__ = ["simulate_environment", "simulation_engines"]


def simulate_environment(
    runtime: Runtime,
    environment: str,
    *,
    start: Micros,
    days: int,
    seed: int,
    inject: Sequence[str],
    on_day: Callable[[WindowReport], None],
    require_proven: Callable[[ModelVersion], None],
) -> SimulationReport:
    """Run days of production with the model in charge in an environment.

    Args:
        require_proven: raises for a version that may not be opened there.

    Raises: UnreadableFault PRJ-060, NoBaseline MON-001, ModelRefused SRV-002.
    """
    ports = ScenarioPorts(
        state=runtime.state,
        objects=runtime.objects,
        scorers=runtime.scorers,
        log=runtime.log,
        tables=runtime.tables,
        require_proven=require_proven,
    )
    scenario = scenario_for_environment(
        ports,
        environment,
        start=start,
        end=start + days * DAY,
        seed=seed,
        faults=inject,
    )
    return run_simulation(replace(scenario, on_day=on_day), simulation_engines())


def simulation_engines() -> SimulationEngines:
    """Engines in memory, on a clock that is moved by hand."""
    return SimulationEngines(
        clock=FrozenClock,
        ids=SeededIds,
        log=lambda: SqliteLog(None),
        objects=MemoryObjects,
        online=lambda: SqliteOnline(None),
        state=_state_in_memory,
    )


def _state_in_memory(project: ProjectName, clock: Clock) -> OpenState:
    return open_state(EngineChoices().state, None, project=project, clock=clock)
