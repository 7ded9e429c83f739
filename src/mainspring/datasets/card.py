"""What a training set says about itself: how many rows, from what, and which of it rests on
assumptions.
"""

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.schema import DType
from mainspring.elements.stored import StoredRecord

__all__ = ["FeatureColumn", "TrainingSetCard"]


class FeatureColumn(msgspec.Struct, frozen=True):
    """One feature as the model sees it: its column, its type, the view that it comes from, and of a
    list how many elements it has at most.
    """

    name: str
    dtype: DType
    view: str
    size: int | None = None


class TrainingSetCard(StoredRecord, frozen=True, kw_only=True):
    """The record beside the rows of one build of a training set.

    Args:
        digest: of the rows, as stored.
        features: in the order of the model's matrix.
        request: columns that a caller sends.
        rows, fitted, tested: how many rows there are, and how many of them are fitted and judged.
        excluded: how many rows are neither, by reason.
        tainted: views read with hindsight (`as_corrected`); such a training set never serves.
        assumed: sources whose `known_at` is an assumption.
        history_share: share of facts of each source that were imported as history, whose `known_at`
            is claimed and not observed.
        inputs: offset of the log that each source was read up to.
        negative_by_absence: how many of the rows that are fitted or tested are negative because no
            fact came; unset where the label does not say so.
        timeless: sources without event times, so that leakage cannot be excluded; unset where there
            are none.
        feature_sets: those that its features were declared by; unset where there are none.
    """

    title = "the card of a training set"

    name: str
    digest: Digest
    features: tuple[FeatureColumn, ...]
    request: tuple[str, ...]
    rows: int
    fitted: int
    tested: int
    excluded: dict[str, int]
    tainted: tuple[str, ...]
    assumed: tuple[str, ...]
    history_share: dict[str, float]
    inputs: dict[str, int]
    negative_by_absence: int | msgspec.UnsetType = msgspec.UNSET
    timeless: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    feature_sets: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def sets(self) -> tuple[str, ...]:
        """The feature sets that its features were declared by."""
        return () if isinstance(self.feature_sets, msgspec.UnsetType) else self.feature_sets

    @property
    def without_time(self) -> tuple[str, ...]:
        """Its sources without event times."""
        return () if isinstance(self.timeless, msgspec.UnsetType) else self.timeless

    @property
    def absence(self) -> str:
        """How many labels rest on absence, for people; empty where none can."""
        if isinstance(self.negative_by_absence, msgspec.UnsetType):
            return ""
        used, absent = self.fitted + self.tested, self.negative_by_absence
        return f"{absent:,} of {used:,} labels ({absent / max(used, 1):.1%}) say that no fact came"

    @property
    def sizes(self) -> dict[str, int]:
        """Of each feature that is a list the most elements that it can have."""
        return {feature.name: feature.size for feature in self.features if feature.size is not None}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that a model is fed, in order."""
        return tuple(feature.name for feature in self.features)
