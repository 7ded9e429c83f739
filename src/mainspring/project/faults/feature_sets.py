"""What can be wrong with a feature set, and with the views of a training set taken together."""

from collections.abc import Collection, Iterable, Iterator

from mainspring.elements.errors import DeclarationError
from mainspring.features.spec import FeatureSelection, FeatureSet
from mainspring.project.errors import (
    FeatureNotInView,
    FeatureSetNameTaken,
    FeatureSetNested,
    FeatureTwiceInSet,
    ViewNotDeclared,
)
from mainspring.project.faults.features import feature_names
from mainspring.project.loader.errors import InvalidValue

__all__ = ["feature_set_faults", "repeated_features"]

_VIEWS = ("view", "on_demand")


def feature_set_faults(
    feature_set: FeatureSet, declared: Collection[str]
) -> Iterator[DeclarationError]:
    """What is wrong with a feature set.

    Args:
        declared: the names of all assets of the project.
    """
    name, at = feature_set.name, feature_set.declared_at
    if not feature_set.features:
        yield InvalidValue(user=f"feature set {name}", problem="it has no features", at=at)
    for kind in _VIEWS:
        if f"{kind}.{name}" in declared:
            yield FeatureSetNameTaken(feature_set=name, at=at)
    for selection in feature_set.features:
        yield from _selection_faults(feature_set, selection, declared)
    known = [each for each in feature_set.features if not isinstance(each.view, str)]
    for feature, first, second in repeated_features(known):
        yield FeatureTwiceInSet(
            feature_set=name, feature=feature, first=first, second=second, at=at
        )


def repeated_features(selections: Iterable[FeatureSelection]) -> Iterator[tuple[str, str, str]]:
    """Features of one name that would be one column, with the two views that give them: those that
    are asked for twice, and those of other views, asked for or not, for a read reads views whole.
    """
    givers: dict[str, str] = {}
    asked: set[str] = set()
    for view, columns in ((each.view, each.columns) for each in selections):
        if isinstance(view, str):
            continue
        names = feature_names(view)
        for feature in names:
            if givers.setdefault(feature, view.name) != view.name:
                yield feature, givers[feature], view.name
        for feature in columns or names:
            if feature in asked and givers.get(feature) == view.name:
                yield feature, view.name, view.name
            asked.add(feature)


def _selection_faults(
    feature_set: FeatureSet, selection: FeatureSelection, declared: Collection[str]
) -> Iterator[DeclarationError]:
    name, at, view = feature_set.name, feature_set.declared_at, selection.view
    if not isinstance(view, str):
        known = feature_names(view)
        for column in selection.columns:
            if column not in known:
                yield FeatureNotInView(
                    feature_set=name,
                    reference=f"{view.name}:{column}",
                    known=", ".join(known),
                    at=at,
                )
    elif f"feature_set.{view}" in declared:
        yield FeatureSetNested(feature_set=name, other=view, at=at)
    else:
        views = [each.partition(".") for each in declared]
        there = sorted(each for kind, _, each in views if kind in _VIEWS)
        yield ViewNotDeclared(
            feature_set=name, view=view, known=", ".join(there) or "no view", at=at
        )
