"""What every stage of a plan carries, whatever kind of asset it builds or judges.

A stage's identity is a digest of its kind, the fingerprint that it makes and the identities of the
stages that it is made after.  It does not depend on what happened to be built already: the same
project gives the same identities before and after a crash, so a finished stage is recognised.
"""

import msgspec

from mainspring.elements.identity import Digest
from mainspring.registry.environment import AssetDefinition, Build

__all__ = ["Estimate", "StageRecord", "stage_kind"]


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage will take, judged by the last time.

    Args:
        rows: how many rows it reads, None where no one has counted them.
        size_bytes: of the rows as they came, for a stage that decides on them; else None.
        cpu_s: seconds of one core, None without history.
        cost: in the plan's currency, None without history or price.
    """

    rows: int | None = None
    size_bytes: int | None = None
    cpu_s: float | None = None
    cost: float | None = None


class StageRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="stage", forbid_unknown_fields=True
):
    """What every stage carries: all that it acts on, so that nothing is looked up by name again.

    Args:
        identity: names this piece of work; doing it twice is doing it once.
        asset: what it makes or judges, such as `view.departure_delays`; for `move_environment` the
            name of the environment.
        fingerprint: the build fingerprint that it makes.
        after: the identities of the stages of this plan that must be finished first.
        reason: why it is in the plan, for people.
        definition: what the asset is declared as; None for the move.
        parents: the build fingerprint of each asset that it is made from.
        reuses: the digest of a build of this fingerprint; such a stage is skipped.
        build: that build's record.
        is_assumed: some fact that it reads has an assumed `known_at`.
    """

    identity: Digest
    asset: str
    fingerprint: Digest
    after: tuple[Digest, ...]
    reason: str
    definition: AssetDefinition | None = None
    parents: dict[str, Digest] = {}
    reuses: Digest | None = None
    build: Build | None = None
    estimate: Estimate | None = None
    is_assumed: bool = False


def stage_kind(stage: StageRecord) -> str:
    """The name of a stage's kind, as in JSON: `build_view`."""
    return str(type(stage).__struct_config__.tag)
