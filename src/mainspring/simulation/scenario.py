"""What a simulation of an environment starts from: the model in charge there, what watches it, and
every fact of its sources.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mainspring.elements.schema import Schema
from mainspring.elements.time import Micros
from mainspring.monitoring.baseline import parse_baseline
from mainspring.monitoring.definition import parse_monitor, parse_served_model
from mainspring.monitoring.errors import NoBaseline
from mainspring.ports.log import LogReader
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.ports.tables import TableReader
from mainspring.registry.environment import AssetDefinition, EnvironmentVersion
from mainspring.registry.read import read_version
from mainspring.registry.read_environment import read_definition, read_environment
from mainspring.registry.version import ModelVersion
from mainspring.serving.open import open_version
from mainspring.simulation.errors import UnreadableFault
from mainspring.simulation.fault import InjectedFault, parse_injected_fault
from mainspring.simulation.simulate import Scenario
from mainspring.sources.facts import read_source_rows

__all__ = ["ScenarioPorts", "scenario_for_environment"]


@dataclass(frozen=True, eq=False, kw_only=True)
class ScenarioPorts:
    """What a scenario is read from: the environment, its model, and every fact of its sources.

    Args:
        require_proven: raises for a version that may not be opened.
    """

    state: StateReader
    objects: ObjectReader
    scorers: ScorerLoader
    log: LogReader
    tables: TableReader
    require_proven: Callable[[ModelVersion], None]


def scenario_for_environment(
    ports: ScenarioPorts,
    environment: str,
    *,
    start: Micros,
    end: Micros,
    seed: int,
    faults: Sequence[str],
) -> Scenario:
    """The scenario of the first monitor that the environment holds, by name.

    Raises: UnreadableFault PRJ-060, NoBaseline MON-001, ModelRefused SRV-002.
    """
    current = read_environment(ports.state, environment)
    monitor = next(map(parse_monitor, _definitions(current, "monitor", ports.state)), None)
    pointer = current.pointers.get(f"model.{monitor.model}") if monitor else None
    baseline = current.pointers.get(f"monitor.{monitor.name}") if monitor else None
    if monitor is None or pointer is None or baseline is None:
        name = monitor.name if monitor else "(none applied)"
        raise NoBaseline(monitor=name, version=f"what {environment} holds")
    version = read_version(ports.state, pointer.build_digest)
    ports.require_proven(version)
    model = open_version(version, objects=ports.objects, scorers=ports.scorers)
    schemas = model.training_set.schemas
    return Scenario(
        model=model,
        monitor=monitor,
        baseline=parse_baseline(ports.objects.read(baseline.build_digest)),
        endpoint=next(
            (
                endpoint.asset.partition(".")[2]
                for endpoint in _definitions(current, "endpoint", ports.state)
                if parse_served_model(endpoint) == monitor.model
            ),
            monitor.model,
        ),
        facts={
            s.name: read_source_rows(s, log=ports.log, tables=ports.tables, schema=schemas[s.name])
            for s in model.training_set.sources
        },
        start=start,
        end=end,
        seed=seed,
        faults=[_known_fault(text, schemas.values()) for text in faults],
        fault_texts=tuple(faults),
    )


def _known_fault(text: str, schemas: Iterable[Schema]) -> InjectedFault:
    """The fault that a text names, in a column that a source of the model has."""
    fault = parse_injected_fault(text)
    columns = sorted({name for schema in schemas for name in schema.names})
    if fault.column not in columns:
        reason = f"no source of the model has a column {fault.column!r}; {', '.join(columns)} are"
        raise UnreadableFault(text=text, reason=f"{reason} known")
    return fault


def _definitions(
    environment: EnvironmentVersion, kind: str, state: StateReader
) -> Iterator[AssetDefinition]:
    """What an environment holds of a kind, by name."""
    for _, pointer in sorted(environment.pointers.items()):
        definition = read_definition(state, pointer) if pointer.kind == kind else None
        if definition is not None:
            yield definition
