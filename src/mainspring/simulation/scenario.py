"""What a simulation of an environment starts from: the model in charge there, what watches it, and
every fact of its sources.
"""

from collections.abc import Sequence

from mainspring.elements.time import Micros
from mainspring.monitoring.baseline import parse_baseline
from mainspring.monitoring.errors import NoBaseline
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.loader.load import Project
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.open import open_version
from mainspring.simulation.fault import parse_injected_fault
from mainspring.simulation.simulate import Scenario
from mainspring.sources.facts import read_facts

__all__ = ["scenario_for_environment"]


def scenario_for_environment(
    project: Project,
    tools: Runtime,
    environment: str,
    *,
    start: Micros,
    end: Micros,
    seed: int,
    faults: Sequence[str],
) -> Scenario:
    """The scenario of the first monitor that is declared.  Raises: PRJ-060, MON-001."""
    current = read_environment(tools.state, environment)
    monitor = next(iter(project.declarations.monitors), None)
    pointer = current.pointers.get(f"model.{monitor.model.name}") if monitor else None
    baseline = current.pointers.get(f"monitor.{monitor.name}") if monitor else None
    if monitor is None or pointer is None or baseline is None:
        raise NoBaseline(
            monitor=monitor.name if monitor else "(none declared)", version="the environment"
        )
    model = open_version(
        read_version(tools.state, pointer.build_digest),
        objects=tools.objects,
        scorers=tools.scorers,
    )
    schemas = model.training_set.schemas
    return Scenario(
        model=model,
        monitor=monitor,
        baseline=parse_baseline(tools.objects.read(baseline.build_digest)),
        endpoint=next(
            (e.name for e in project.declarations.endpoints if e.model.name == monitor.model.name),
            monitor.model.name,
        ),
        facts={
            s.name: read_facts(s, log=tools.log, tables=tools.tables, schema=schemas[s.name])
            for s in model.training_set.sources
        },
        start=start,
        end=end,
        seed=seed,
        faults=[parse_injected_fault(text) for text in faults],
        told_faults=tuple(faults),
    )
