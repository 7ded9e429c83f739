"""Whether a plan still fits the environment and the declarations that it was made for."""

from collections.abc import Iterator, Mapping

from mainspring.elements.time import format_instant
from mainspring.project.plan.plan import AssetFingerprints, Plan
from mainspring.registry.environment import EnvironmentVersion

__all__ = ["stale_reasons"]

_MOST_NAMED = 5


def stale_reasons(
    plan: Plan,
    environment: EnvironmentVersion,
    *,
    fingerprints: Mapping[str, AssetFingerprints],
    source: EnvironmentVersion | None = None,
) -> list[str]:
    """What has changed since the plan was made; empty if it can be applied.

    Args:
        environment: the environment of the plan, read under the lease.
        fingerprints: those of the present declarations; compared only if the plan was made from
            declarations.
        source: for a promotion, the environment that is promoted, read now.
    """
    reasons = []
    if environment.version != plan.environment_version:
        reasons.append(_moved(environment, plan.environment_version))
    if source is not None and source.version != plan.source_version:
        reasons.append(_moved(source, plan.source_version or 0))
    edited = list(_iter_edited(plan.fingerprints, fingerprints)) if plan.fingerprints else []
    more = [f"and {len(edited) - _MOST_NAMED} more"] if len(edited) > _MOST_NAMED else []
    return [*reasons, *edited[:_MOST_NAMED], *more]


def _moved(environment: EnvironmentVersion, planned: int) -> str:
    return (
        f"{environment.environment} moved from version {planned} to {environment.version}, by "
        f"{environment.moved_by} at {format_instant(environment.moved_at)} ({environment.reason})"
    )


def _iter_edited(
    planned: Mapping[str, AssetFingerprints], declared: Mapping[str, AssetFingerprints]
) -> Iterator[str]:
    for asset in sorted({*planned, *declared}):
        if asset not in declared:
            yield f"{asset} is no longer declared"
        elif asset not in planned:
            yield f"{asset} is newly declared"
        elif planned[asset].build != declared[asset].build:
            yield f"{asset} was edited"
        elif planned[asset].policy != declared[asset].policy:
            yield f"the policy of {asset} was edited"
