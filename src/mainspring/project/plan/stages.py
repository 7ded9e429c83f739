"""The stages of a plan: a closed union of frozen records, performed by `apply` and printed by
`explain`.

A stage's identity is a digest of its kind, the fingerprint that it makes and the identities of the
stages that it is made after.  It does not depend on what happened to be built already: the same
project gives the same identities before and after a crash, so a finished stage is recognised.
"""

from typing import Literal as OneOf

import msgspec

from mainspring.elements.identity import Digest
from mainspring.registry.environment import AssetKind

__all__ = [
    "BuildBaseline",
    "BuildTrainingSet",
    "BuildView",
    "Estimate",
    "ImportSource",
    "JudgeGates",
    "MoveEnvironment",
    "PointerMove",
    "Stage",
    "StageRecord",
    "TrainModel",
    "stage_kind",
]


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage will take, judged by the last time.

    Args:
        rows: how many rows it reads, None where no one has counted them.
        cpu_s: seconds of one core, None without history.
        cost: in the plan's currency, None without history or price.
    """

    rows: int | None = None
    cpu_s: float | None = None
    cost: float | None = None


class StageRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="stage", forbid_unknown_fields=True
):
    """What every stage says.

    Args:
        identity: names this piece of work; doing it twice is doing it once.
        asset: what it makes or judges, such as `view.departure_delays`; for `move_environment` the
            name of the environment.
        fingerprint: the build fingerprint that it makes.
        after: the identities of the stages of this plan that must be finished first.
        reason: why it is in the plan, for people.
        reuses: the digest of a build of this fingerprint; such a stage is skipped.
        is_assumed: some fact that it reads has an assumed `known_at`.
    """

    identity: Digest
    asset: str
    fingerprint: Digest
    after: tuple[Digest, ...]
    reason: str
    reuses: Digest | None = None
    estimate: Estimate | None = None
    is_assumed: bool = False


class ImportSource(StageRecord, frozen=True, kw_only=True, tag="import_source"):
    """Bring a source's file through its contract into the log; `path` is None for a source that is
    only pushed to, which is registered.
    """

    path: str | None


class BuildView(StageRecord, frozen=True, kw_only=True, tag="build_view"):
    """Fold the logs of the view's sources into its online state."""

    sources: tuple[str, ...]


class BuildTrainingSet(StageRecord, frozen=True, kw_only=True, tag="build_training_set"):
    """Join features and labels to the spine, each row as of its prediction time."""

    spine: str


class TrainModel(StageRecord, frozen=True, kw_only=True, tag="train_model"):
    """Fit in a process of its own, and export."""

    training_set: str


class JudgeGates(StageRecord, frozen=True, kw_only=True, tag="judge_gates"):
    """Ask a model to prove itself for one environment; its `reuses` is always None, for a verdict
    is bound to its champion.

    Args:
        policy_fingerprint: what the verdicts will be bound to.
        gates: their names, those that every model has among them.
        champion: the build now in charge there; None compares with the base rate.
    """

    policy_fingerprint: Digest
    gates: tuple[str, ...]
    environment: str
    champion: Digest | None


class BuildBaseline(StageRecord, frozen=True, kw_only=True, tag="build_baseline"):
    """Summarise what a monitored model was taught, to compare live data with."""

    model: str


class PointerMove(msgspec.Struct, frozen=True, kw_only=True):
    """One asset's change of place: the fingerprints that it will have, and the build that it had
    (None when new).

    Args:
        stage: the stage of this plan that makes or has found the build; None for an asset whose
            build is its definition, or stays as it was.
    """

    asset: str
    kind: AssetKind
    build_fingerprint: Digest
    policy_fingerprint: Digest
    before: Digest | None
    stage: Digest | None


class MoveEnvironment(StageRecord, frozen=True, kw_only=True, tag="move_environment"):
    """Put the next version of the environment's map in place, in one transaction, if it still has
    `from_version`.
    """

    from_version: int
    moves: tuple[PointerMove, ...]
    removes: tuple[str, ...]


Stage = (
    ImportSource
    | BuildView
    | BuildTrainingSet
    | TrainModel
    | JudgeGates
    | BuildBaseline
    | MoveEnvironment
)

StageKind = OneOf[
    "import_source",
    "build_view",
    "build_training_set",
    "train_model",
    "judge_gates",
    "build_baseline",
    "move_environment",
]


def stage_kind(stage: Stage) -> str:
    """The name of a stage's kind, as in JSON: `build_view`."""
    return str(type(stage).__struct_config__.tag)
