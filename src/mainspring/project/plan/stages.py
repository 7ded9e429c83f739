"""The stages of a plan: those of the kinds of assets, and those that check and move an environment.

A plan is one list of frozen records with two readers: `apply` performs them, `explain` prints them.
"""

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from mainspring.elements.identity import Digest
from mainspring.project.kinds.stage import StageRecord
from mainspring.project.kinds.union import KindStage
from mainspring.registry.environment import AssetDefinition

__all__ = ["MoveEnvironment", "PointerMove", "Stage", "VerifyVersion"]


class VerifyVersion(StageRecord, frozen=True, kw_only=True, tag="verify_version"):
    """Require that a version is proven for an environment, as the loader requires when it opens it.

    Args:
        version: the one to deploy there.
        policy_fingerprint: what its verdicts must be bound to.
    """

    version: Digest
    policy_fingerprint: Digest
    environment: str


class PointerMove(msgspec.Struct, frozen=True, kw_only=True):
    """One asset's change of place: the fingerprints that it will have, and the build that it had
    (None when new).

    Args:
        digest: the build that it will have, where that is known before; else it is what the stage
            makes.
        stage: the stage of this plan that makes the build; None for an asset whose build is known.
        definition: what is declared, put on record with the move, so that a later plan can say
            what changed; None where it is on record already.
        renamed_from: the name under which the environment holds the asset; empty where that is its
            name.
        built_as: the name under which its build is on record; empty where that is its name.
    """

    asset: str
    kind: str
    build_fingerprint: Digest
    policy_fingerprint: Digest
    before: Digest | None
    digest: Digest | None = None
    stage: Digest | None = None
    definition: AssetDefinition | None = None
    renamed_from: str = ""
    built_as: str = ""


class MoveEnvironment(StageRecord, frozen=True, kw_only=True, tag="move_environment"):
    """Put the next version of the environment in place, in one transaction, if it is still at
    `from_version`.

    Args:
        restores: the earlier version that it will hold again, whole; None for moves of pointers.
    """

    from_version: int
    moves: tuple[PointerMove, ...]
    removes: tuple[str, ...]
    restores: int | None = None


# As in `kinds.union`: the members of the union are known when the module is loaded.
if TYPE_CHECKING:
    Stage: TypeAlias = StageRecord
else:
    Stage = KindStage | VerifyVersion | MoveEnvironment
