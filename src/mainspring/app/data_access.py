"""What a workspace gives to a program or a notebook: features, training sets and models."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import polars as pl

from mainspring.app.collaborators import Collaborators
from mainspring.elements.arguments import checks_arguments
from mainspring.elements.declaration import Named, name_of
from mainspring.elements.foreign_frame import GivenFrame, GivenRows, as_polars, beside
from mainspring.elements.time import Micros
from mainspring.features.online.read import FeatureRows
from mainspring.features.requested import FeatureReference
from mainspring.registry.training_set import StoredTrainingSet, read_training_set
from mainspring.serving.loaded_model import LoadedModel
from mainspring.serving.state.prepared import PreparedFeatures

__all__ = ["DataAccess"]


@checks_arguments
class DataAccess(Collaborators):
    """Reads what the environment holds; changes nothing, but brings online state up to the log."""

    def training_set(self, name: str | Named) -> StoredTrainingSet:
        """The rows that models of this environment were trained on, as a frame of Polars or pandas.

        Raises: TrainingSetNotBuilt PRJ-090 for one that is not applied yet, UnknownAsset ACC-006,
            ArtifactChanged REG-002 when the rows were changed.
        """
        return read_training_set(
            name_of(name, "training set"),
            self.environment,
            state=self.runtime.state,
            objects=self.runtime.objects,
            declared=lambda: [each.name for each in self.project.declarations.training_sets],
        )

    def load_model(self, name: str | Named) -> LoadedModel:
        """A model to score frames of features with in this process: the version that this
        environment holds, or one such as `late_arrival@v3`.

        Raises: UnknownVersion REG-001, ArtifactChanged REG-002 when a part of it was changed.
        """
        return self.models.load(name)

    def get_historical_features(
        self, features: FeatureReference | Sequence[FeatureReference], *, spine: GivenFrame
    ) -> GivenFrame:
        """Features for every row of the spine, point-in-time correct, in its order; none is
        dropped.  The answer is a frame of the spine's kind, the features beside its columns; an
        on-demand feature takes the place of a column of its name, as in a training set.

        Args:
            features: feature views and on-demand views, as this environment holds them, or
                `view:feature` for one feature of a view.
            spine: a frame of Polars, lazy or not, or of pandas, with join keys, what on-demand
                views read, and `prediction_time`: timestamps (UTC without a zone), ISO 8601 text or
                int64 microseconds.

        Raises: UnknownAsset ACC-006, SpineUnusable FEA-010 for a column that is missing or of
            another type, FrameUnreadable FEA-070.
        """
        if isinstance(spine, pl.LazyFrame):
            collected = self.get_historical_features(features, spine=spine.collect())
            return cast("GivenFrame", collected.lazy())
        found = self.reader.get_historical_features(features, spine=as_polars(spine))
        return beside(spine, found)

    def get_online_features(
        self,
        features: FeatureReference | Sequence[FeatureReference],
        *,
        keys: GivenRows,
        at: Micros | str | datetime | None = None,
        reasons: bool = False,
    ) -> FeatureRows:
        """Features of these views for each key, from online state, now or at another time.

        Args:
            keys: the join keys of each row, and the request columns that on-demand views read.
            reasons: say also why a value is null: see `FeatureRows.reasons`.

        Returns: values as models take them: instants and lengths of time are int64 microseconds.

        Raises: HorizonPassed FEA-002 when online state does not reach back to that time,
            MissingRequestField FEA-003, WrongRequestType FEA-004 for a missing join key or one of
            another type, MomentAhead FEA-011 for the future, FeatureNamedTwice FEA-012 where two
            views give a column of one name, HindsightAsked FEA-013 for a view with hindsight.
        """
        return self.reader.get_online_features(features, keys=keys, at=at, reasons=reasons)

    def prepare(self, features: FeatureReference | Sequence[FeatureReference]) -> PreparedFeatures:
        """The features of these views and feature sets, to be read online again and again.

        Raises: UnknownAsset ACC-006, FileNotRead SRC-037, FeatureUnknown FEA-074, FeatureNamedTwice
            FEA-012, HindsightAsked FEA-013, RequestTypesUnknown FEA-073.
        """
        return self.reader.prepare(features)
