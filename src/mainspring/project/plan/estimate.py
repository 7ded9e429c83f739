"""What stages will take, judged by what they took before: the same asset's last time, else the mean
of its kind, scaled by rows.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from mainspring.project.config.config import Cost
from mainspring.project.kinds.stage import Estimate, stage_kind
from mainspring.project.kinds.union import kind_of
from mainspring.project.loader.graph import Graph
from mainspring.project.plan.stages import MoveEnvironment, Stage
from mainspring.registry.environment import StageDuration

__all__ = ["expected_rows", "total_estimate", "with_estimates"]


def expected_rows(graph: Graph, source_rows: Mapping[str, int]) -> dict[str, int]:
    """How many rows the stage of each asset reads, where it is known.

    Args:
        source_rows: rows of each source, by its declared name.
    """
    found: dict[str, int] = {}
    for asset in graph.assets.values():
        rows = kind_of(asset.declaration).expected_rows(asset, source_rows, found)
        if rows is not None:
            found[asset.name] = rows
    return found


def with_estimates(
    stages: Sequence[Stage],
    *,
    rows: Mapping[str, int],
    durations: Iterable[StageDuration],
    cost: Cost,
    sizes: Mapping[str, int],
) -> tuple[Stage, ...]:
    """The same stages, each with its estimate; one that is reused, and the move itself, take
    nothing.

    Args:
        sizes: by source, of all of its rows as they came.
    """
    history = list(durations)
    rates = _rates(history)
    last = {(d.stage, d.asset): d for d in history}
    return tuple(
        stage
        if stage.reuses or isinstance(stage, MoveEnvironment)
        else msgspec.structs.replace(
            stage,
            estimate=msgspec.structs.replace(
                _estimate(stage, rows.get(stage.asset), last=last, rates=rates, cost=cost),
                size_bytes=sizes.get(stage.asset),
            ),
        )
        for stage in stages
    )


def total_estimate(stages: Iterable[Stage]) -> Estimate:
    """The processor time, cost and rows as they came of all stages together; None where nothing is
    known of any.
    """
    known = [stage.estimate for stage in stages if stage.estimate is not None]
    seconds = [e.cpu_s for e in known if e.cpu_s is not None]
    costs = [e.cost for e in known if e.cost is not None]
    sizes = [e.size_bytes for e in known if e.size_bytes is not None]
    return Estimate(
        size_bytes=sum(sizes) if sizes else None,
        cpu_s=sum(seconds) if seconds else None,
        cost=sum(costs) if costs else None,
    )


def _rates(history: Sequence[StageDuration]) -> dict[str, float]:
    """Seconds per row of each kind of stage, over all that is remembered of it."""
    seconds: dict[str, float] = {}
    rows: dict[str, int] = {}
    for duration in history:
        if duration.rows > 0:
            seconds[duration.stage] = seconds.get(duration.stage, 0.0) + duration.cpu_s
            rows[duration.stage] = rows.get(duration.stage, 0) + duration.rows
    return {stage: seconds[stage] / rows[stage] for stage in rows}


def _estimate(
    stage: Stage,
    rows: int | None,
    *,
    last: Mapping[tuple[str, str], StageDuration],
    rates: Mapping[str, float],
    cost: Cost,
) -> Estimate:
    kind = stage_kind(stage)
    own = last.get((kind, stage.asset))
    seconds: float | None
    if own is not None:
        seconds = own.cpu_s * (rows / own.rows if rows is not None and own.rows > 0 else 1.0)
    else:
        seconds = rates[kind] * rows if rows is not None and kind in rates else None
    price = None if seconds is None or cost.cpu_hour is None else seconds / 3600 * cost.cpu_hour
    return Estimate(rows=rows, cpu_s=seconds, cost=price)
