"""What a kind of asset is: one object that knows everything about its declarations.

Discovery, fingerprints, plans and their evaluation know kinds only through this class.  A new kind
is a module beside this one and a line in `union.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar, Generic, NamedTuple, TypedDict, TypeVar

import msgspec

from mainspring.elements.errors import DeclarationError
from mainspring.elements.identity import Digest
from mainspring.elements.time import Micros
from mainspring.flow.step import StepOutcome
from mainspring.project.kinds.asset import Asset, Declaration, FaultScope, FingerprintContext
from mainspring.project.kinds.data import DataChange
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.stage import StageRecord
from mainspring.registry.environment import AssetDefinition, Build

__all__ = ["BuildFields", "FeatureProof", "Kind", "StageInputs"]

D = TypeVar("D", bound=Declaration)


class FeatureProof(msgspec.Struct, frozen=True, kw_only=True):
    """How sure we are that a view's features are the same in batch and online.

    Args:
        proven: features that are expressions, whose two evaluators are held equal on every value.
        tested: features that call a Python function, which can be tried on samples only.
        ordered: those among the proven that fold events one by one in total order, at a cost that
            grows with the window.
        hop_us: answers are dated to the last multiple of this length in microseconds; None where
            they are exact at the prediction time.
    """

    asset: str
    proven: tuple[str, ...]
    tested: tuple[str, ...]
    ordered: tuple[str, ...] = ()
    hop_us: int | None = None


class BuildFields(TypedDict):
    """Those of `StageRecord` that a planner gives."""

    identity: Digest
    asset: str
    fingerprint: Digest
    after: tuple[Digest, ...]
    reason: str
    definition: AssetDefinition
    parents: dict[str, Digest]
    is_assumed: bool


class StageInputs(NamedTuple):
    """What the stages of one asset are made of; decided by the planner, the same for all kinds.

    Args:
        identity: of the stage that builds the asset.
        after: the stages of this plan that make its parents.
        judged_after: the stage of this plan that builds the asset itself, if one does.
        is_rebuilt: whether its build fingerprint is new to the environment, or a new build is
            requested.
        environment: where the plan applies; `champion`: the build of the asset deployed there.
        files: of a source, those that differ from what was read of them.
        deletes_missing: whether rows that a file has no more are deleted.
        log_at: where its raw log ends.
        has_build: whether there is a build of this definition already.
    """

    identity: Digest
    after: tuple[Digest, ...]
    judged_after: tuple[Digest, ...]
    is_rebuilt: bool
    environment: str
    champion: Digest | None
    files: tuple[DataChange, ...] = ()
    deletes_missing: bool = False
    has_build: bool = False
    log_at: int = 0

    def build_fields(self, asset: Asset, *, reason: str) -> BuildFields:
        """What the stage that builds the asset carries, whatever its kind is."""
        return BuildFields(
            identity=self.identity,
            asset=asset.name,
            fingerprint=asset.build_fingerprint,
            after=self.after,
            reason=reason,
            definition=asset.definition,
            parents=asset.definition.parents,
            is_assumed=asset.is_assumed,
        )


class Kind(ABC, Generic[D]):
    """A kind of asset.

    Class attributes:
        name: what maps, plans and the registry call it; the first part of an asset's name.
        declares: the class of its declarations.
        stages: the classes of its stages, in the order in which they run.
        is_built: whether it has a build of its own; else its definition is all that it is.
    """

    name: ClassVar[str]
    declares: ClassVar[type]
    stages: ClassVar[tuple[type[StageRecord], ...]] = ()
    is_built: ClassVar[bool] = True
    is_read_by_origin: ClassVar[bool] = False
    """Whether definitions that refer to it name it by what it was first called."""
    has_plain_name: ClassVar[bool] = True
    """Whether the rule for names holds: letters, digits, dashes and underscores."""

    @abstractmethod
    def own(self, declaration: Declaration) -> D:
        """The declaration, as one of this kind."""

    def parents(self, declaration: Declaration) -> tuple[Declaration, ...]:
        """The declarations that it is made from, each once, in its own order."""
        del declaration
        return ()

    def faults(self, declaration: Declaration, scope: FaultScope) -> Iterator[DeclarationError]:
        """What is wrong with it, each fault with the user's line."""
        del declaration, scope
        yield from ()

    def renamed_from(self, declaration: Declaration) -> str:
        """What it was called before, where it says so."""
        del declaration
        return ""

    def renamed_build(self, build: Build, asset: Asset, evaluation: Evaluation) -> Build:
        """A build that was made under another name, as it would have been made under this one."""
        del evaluation
        return msgspec.structs.replace(build, asset=asset.name)

    def inputs(self, declaration: Declaration, context: FingerprintContext) -> Mapping[str, object]:
        """What its build fingerprint covers beside its own fields and its parents."""
        del declaration, context
        return {}

    def unseen(self, declaration: Declaration, context: FingerprintContext) -> tuple[str, ...]:
        """What its outcome may depend on and its fingerprint does not cover, in words."""
        del declaration, context
        return ()

    def assumed_delay(self, declaration: Declaration) -> Micros | None:
        """The delay after which its facts are taken to be known, where that is a guess."""
        del declaration
        return None

    def is_timeless(self, declaration: Declaration) -> bool:
        """Whether its facts have no event times, so that leakage cannot be excluded."""
        del declaration
        return False

    def proof(self, asset: Asset) -> FeatureProof | None:
        """How sure its features are, if it has any."""
        del asset
        return None

    def expected_rows(
        self, asset: Asset, source_rows: Mapping[str, int], known: Mapping[str, int]
    ) -> int | None:
        """How many rows its stages read, where that is known: here as many as its first parent's.

        Args:
            source_rows: by the declared name of the source; `known`: by asset, parents first.
        """
        del source_rows
        return next((known[parent] for parent in asset.parents if parent in known), None)

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        """The stages that make its declaration so, in their order; none where it is not built."""
        del asset, inputs, reason
        yield from ()

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        """Do what a stage of this kind says.  Raises: what the verb behind it raises."""
        raise AssertionError(
            f"{self.name} has no stages, and so none such as {stage}, {evaluation}"
        )

    def catch_up(self, asset: Asset, evaluation: Evaluation) -> None:
        """Bring what is built of it up to the present log, right before an environment moves onto
        it.
        """
        del asset, evaluation

    def rows_read(self, stage: StageRecord, outcome: StepOutcome, evaluation: Evaluation) -> int:
        """What a later estimate of the stage is scaled by."""
        del stage, evaluation
        return outcome.rows

    def notes(self, stage: StageRecord) -> tuple[str, ...]:
        """What `explain` adds to the reason of a stage."""
        del stage
        return ()
