"""What a model is trained on: which rows, when, with which features, and what their labels turned
out to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from typing import Literal as OneOf

from mainspring.elements.declaration import (
    ADDED,
    GivenTags,
    Tags,
    caller,
    freeze,
    parse_tags,
)
from mainspring.elements.errors import Location
from mainspring.elements.expression.build import Expr
from mainspring.elements.expression.tree import Node
from mainspring.elements.time import Micros, parse_duration, parse_instant
from mainspring.features.spec import (
    FeatureSelection,
    FeatureSet,
    FeatureView,
    OnDemandFeatureView,
    merge_selections,
)
from mainspring.sources.spec import Source

__all__ = [
    "AnySplit",
    "KeySplit",
    "Label",
    "MissingLabel",
    "RandomSplit",
    "Split",
    "TrainingSet",
    "split_at_random",
    "split_by_key",
    "split_by_time",
]

MissingLabel = OneOf["exclude_and_report", "negative"]


@dataclass(frozen=True, init=False)
class Label:
    """The label, joined later: an expression over the fact of another source that has the same
    `join_on` columns.  Of several facts the last by event time counts, then by id.

    Args:
        join_on: the column or columns that the spine and the source share.
        missing: `exclude_and_report`: a row without a fact stays in the training set with a null
            label, leaves fitting and metrics, and is counted.  `negative`: a row without a fact is
            a *no*, as where only fraud is reported and never its absence.
        horizon: with `negative`, how long after the prediction time a fact has to become known to
            count, such as `30d`.  A row has its label, whichever it is, once that time has passed;
            a fact that comes later changes nothing.
    """

    source: Source
    value: Node
    join_on: tuple[str, ...]
    missing: MissingLabel
    horizon: Micros | None = field(default=None, metadata=ADDED)

    def __init__(
        self,
        source: Source,
        value: Expr,
        *,
        join_on: str | Sequence[str],
        missing: MissingLabel = "exclude_and_report",
        horizon: str | None = None,
    ) -> None:
        freeze(
            self,
            source=source,
            value=value.node,
            join_on=(join_on,) if isinstance(join_on, str) else tuple(join_on),
            missing=missing,
            horizon=parse_duration(horizon) if horizon is not None else None,
        )


@dataclass(frozen=True)
class Split:
    """Rows by prediction time: `[train_from, test_from)` are fitted, `[test_from, test_until)` are
    judged.
    """

    train_from: Micros
    test_from: Micros
    test_until: Micros


@dataclass(frozen=True)
class KeySplit:
    """Rows by a hash of their key, so that all rows of one key are fitted or all are judged.

    Args:
        test_share: about which share of the keys is judged, between 0 and 1.
        seed: another one draws other keys.
    """

    columns: tuple[str, ...]
    test_share: float
    seed: int


@dataclass(frozen=True)
class RandomSplit:
    """Rows by a hash of their id.

    Args:
        test_share: about which share of the rows is judged, between 0 and 1.
        seed: another one draws other rows.
    """

    test_share: float
    seed: int


AnySplit = Split | KeySplit | RandomSplit


def split_by_time(*, train_from: str, test_from: str, test_until: str) -> Split:
    """Split by prediction time; dates are UTC.  A row is fitted only if its label was known before
    `test_from`.
    """
    return Split(parse_instant(train_from), parse_instant(test_from), parse_instant(test_until))


def split_by_key(
    column: str | Sequence[str], *, test_share: float = 0.2, seed: int = 0
) -> KeySplit:
    """Split a spine without event times by a column, or several, whose equal values belong
    together: all rows of a patient are fitted, or all are judged.

    The hash of its value decides, so that new rows never move old ones to the other side.
    """
    columns = (column,) if isinstance(column, str) else tuple(column)
    return KeySplit(columns, test_share, seed)


def split_at_random(*, test_share: float = 0.2, seed: int = 0) -> RandomSplit:
    """Split a spine without event times at random: by a hash of each row's id, so that new rows
    never move old ones to the other side.
    """
    return RandomSplit(test_share, seed)


@dataclass(frozen=True, init=False)
class TrainingSet:
    """Point-in-time correct rows to learn from: one per fact of the spine, none dropped.

    Args:
        spine: the source whose facts are the rows to predict.
        prediction_time: when the prediction is made: an expression over the spine; None for a spine
            without event times, whose rows see every fact that is visible when they are built.
        request: columns of the spine that a caller sends with the request; join keys of the
            features must be among them.
        label: what is predicted.
        features: feature views, on-demand views and feature sets.
        split: which rows are fitted and which judged: `split_by_time`, and of a spine without event
            times `split_by_key` or `split_at_random`.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset({"owner", "description"})

    name: str
    spine: Source
    prediction_time: Node | None
    request: tuple[str, ...]
    label: Label
    features: tuple[FeatureView | OnDemandFeatureView | FeatureSet, ...]
    split: AnySplit
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()

    def __init__(
        self,
        name: str,
        *,
        spine: Source,
        prediction_time: Expr | None = None,
        request: Sequence[str],
        label: Label,
        features: Sequence[FeatureView | OnDemandFeatureView | FeatureSet],
        split: AnySplit,
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
    ) -> None:
        freeze(
            self,
            name=name,
            spine=spine,
            prediction_time=prediction_time.node if prediction_time is not None else None,
            request=tuple(request),
            label=label,
            features=tuple(features),
            split=split,
            owner=owner,
            description=description,
            tags=parse_tags(tags),
            declared_at=caller(),
        )

    @property
    def selections(self) -> tuple[FeatureSelection, ...]:
        """Its views, each once, with those of their features that it has."""
        return merge_selections(self.features)

    @property
    def views(self) -> tuple[FeatureView, ...]:
        """Those of its views whose features come from facts."""
        found = (each.view for each in self.selections)
        return tuple(view for view in found if isinstance(view, FeatureView))

    @property
    def on_demand(self) -> tuple[OnDemandFeatureView, ...]:
        """Those of its views whose features come from the request."""
        found = (each.view for each in self.selections)
        return tuple(view for view in found if isinstance(view, OnDemandFeatureView))
