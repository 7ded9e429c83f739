"""What a model is trained on: which rows, when, with which features, and what their labels turned
out to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from typing import Literal as OneOf

from mainspring.elements.declaration import GivenTags, Tags, caller, freeze, parse_tags
from mainspring.elements.errors import Location
from mainspring.elements.expression.build import Expr
from mainspring.elements.expression.tree import Node
from mainspring.elements.time import Micros, parse_instant
from mainspring.features.spec import FeatureView, OnDemandFeatureView
from mainspring.sources.spec import Source

__all__ = ["Label", "Split", "TrainingSet", "split_by_time"]


@dataclass(frozen=True, init=False)
class Label:
    """The label, joined later: an expression over a fact of another source with the same id
    columns.

    Args:
        join_on: the column or columns that the spine and the source share.
        missing: `exclude_and_report`: a row without a fact stays in the training set with a null
            label, leaves fitting and metrics, and is counted.
    """

    source: Source
    value: Node
    join_on: tuple[str, ...]
    missing: OneOf["exclude_and_report"]

    def __init__(
        self,
        source: Source,
        value: Expr,
        *,
        join_on: str | Sequence[str],
        missing: OneOf["exclude_and_report"] = "exclude_and_report",
    ) -> None:
        freeze(
            self,
            source=source,
            value=value.node,
            join_on=(join_on,) if isinstance(join_on, str) else tuple(join_on),
            missing=missing,
        )


@dataclass(frozen=True)
class Split:
    """Rows by prediction time: `[train_from, test_from)` are fitted, `[test_from, test_until)` are
    judged.
    """

    train_from: Micros
    test_from: Micros
    test_until: Micros


def split_by_time(*, train_from: str, test_from: str, test_until: str) -> Split:
    """Split by prediction time; dates are UTC.  A row is fitted only if its label was known before
    `test_from`.
    """
    return Split(parse_instant(train_from), parse_instant(test_from), parse_instant(test_until))


@dataclass(frozen=True, init=False)
class TrainingSet:
    """Point-in-time correct rows to learn from: one per fact of the spine, none dropped.

    Args:
        spine: the source whose facts are the rows to predict.
        prediction_time: when the prediction is made: an expression over the spine.
        request: columns of the spine that a caller sends with the request; join keys of the
            features must be among them.
        label: what is predicted.
        features: feature views and on-demand views.
        split: which rows are fitted and which judged.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset({"owner", "description"})

    name: str
    spine: Source
    prediction_time: Node
    request: tuple[str, ...]
    label: Label
    features: tuple[FeatureView | OnDemandFeatureView, ...]
    split: Split
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()

    def __init__(
        self,
        name: str,
        *,
        spine: Source,
        prediction_time: Expr,
        request: Sequence[str],
        label: Label,
        features: Sequence[FeatureView | OnDemandFeatureView],
        split: Split,
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
    ) -> None:
        freeze(
            self,
            name=name,
            spine=spine,
            prediction_time=prediction_time.node,
            request=tuple(request),
            label=label,
            features=tuple(features),
            split=split,
            owner=owner,
            description=description,
            tags=parse_tags(tags),
            declared_at=caller(),
        )
