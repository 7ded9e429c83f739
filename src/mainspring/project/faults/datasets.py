"""What can be wrong with a training set."""

from collections.abc import Iterator, Mapping
from typing import get_args

from mainspring.datasets.spec import KeySplit, Label, MissingLabel, Split, TrainingSet
from mainspring.elements.errors import DeclarationError
from mainspring.elements.expression.infer import infer_type, type_faults
from mainspring.elements.expression.readings.types import COMPUTABLE
from mainspring.elements.expression.tree import Column, input_columns
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import format_instant
from mainspring.features.spec import FeatureView, OnDemandFeatureView, iter_selections
from mainspring.features.view import feature_fields
from mainspring.project.faults.expressions import (
    FaultContext,
    column_faults,
    expression_faults,
)
from mainspring.project.faults.feature_sets import repeated_features
from mainspring.project.faults.features import feature_names, view_faults
from mainspring.project.faults.timeless import timeless_faults
from mainspring.project.loader.errors import (
    DuplicateFeature,
    InvalidValue,
    JoinKeyNotInRequest,
    LabelAsFeature,
    ListOfTexts,
    MissingLabels,
    SeveralClasses,
    SplitOrder,
    UnequalKeys,
)

__all__ = ["training_set_faults"]

_SHOWN = 5
_LABEL_TYPES = (DType.BOOLEAN, DType.INT64, DType.FLOAT64, DType.STRING)


def training_set_faults(
    training_set: TrainingSet, schemas: Mapping[str, Schema]
) -> Iterator[DeclarationError]:
    """What is wrong with a training set; columns are checked where the schemas of its sources are
    known.
    """
    yield from _split_faults(training_set)
    yield from _duplicate_features(training_set)
    yield from _missing_join_keys(training_set)
    yield from _lists_of_texts(training_set, schemas)
    spine, label_schema = (
        schemas.get(training_set.spine.name),
        schemas.get(training_set.label.source.name),
    )
    yield from timeless_faults(training_set)
    if spine is not None:
        at = training_set.declared_at
        if training_set.prediction_time is not None:
            place = FaultContext(f"prediction_time of training set {training_set.name}", at)
            yield from expression_faults(
                training_set.prediction_time, spine, place, wanted=[DType.TIMESTAMP]
            )
        if isinstance(training_set.split, KeySplit):
            place = FaultContext(f"split of training set {training_set.name}", at)
            yield from column_faults(training_set.split.columns, spine, place)
        yield from _request_faults(training_set, spine, label_schema)
    yield from _label_faults(training_set, spine, label_schema)


def _request_faults(
    training_set: TrainingSet, spine: Schema, label_schema: Schema | None
) -> Iterator[DeclarationError]:
    """Request columns, and what on-demand features read of them; a column of the label is reported
    as leakage.
    """
    hidden = _hidden_columns(training_set, spine, label_schema)
    plain = [name for name in training_set.request if name not in hidden]
    yield from _leaks(
        training_set, "request", [name for name in training_set.request if name in hidden]
    )
    place = FaultContext(
        f"request of training set {training_set.name} (spine {training_set.spine.name})",
        training_set.declared_at,
    )
    yield from column_faults(plain, spine, place, wanted=COMPUTABLE)
    request = spine.select(tuple(dict.fromkeys(name for name in plain if name in spine)))
    for view in training_set.on_demand:
        yield from _on_demand_faults(training_set, view, request, hidden)


def _on_demand_faults(
    training_set: TrainingSet, view: OnDemandFeatureView, request: Schema, hidden: frozenset[str]
) -> Iterator[DeclarationError]:
    for name, node in view.features:
        user, reads = f"feature {name} of on-demand view {view.name}", input_columns(node)
        missing = [column for column in reads if column not in request]
        yield from _leaks(training_set, user, [column for column in missing if column in hidden])
        for column in missing:
            if column not in hidden:
                yield JoinKeyNotInRequest(
                    training_set=training_set.name, column=column, user=user, at=view.declared_at
                )
        if not missing:
            yield from expression_faults(node, request, FaultContext(user, view.declared_at))


def _hidden_columns(
    training_set: TrainingSet, spine: Schema, label_schema: Schema | None
) -> frozenset[str]:
    """Columns that only the label's fact has, and those that the label itself is made from where
    its fact is the spine's own.
    """
    if training_set.label.source == training_set.spine:
        return frozenset(input_columns(training_set.label.value))
    return frozenset(label_schema.names if label_schema else ()) - frozenset(spine.names)


def _leaks(training_set: TrainingSet, user: str, columns: list[str]) -> Iterator[DeclarationError]:
    for column in columns:
        source = training_set.label.source.name
        yield LabelAsFeature(
            training_set=training_set.name,
            user=user,
            column=column,
            source=source,
            at=training_set.declared_at,
        )


def _label_faults(
    training_set: TrainingSet, spine: Schema | None, label_schema: Schema | None
) -> Iterator[DeclarationError]:
    label, name, at = training_set.label, training_set.name, training_set.declared_at
    yield from (
        MissingLabels(training_set=name, problem=problem, at=at)
        for problem in _missing_problems(label)
    )
    if spine is not None:
        yield from column_faults(
            label.join_on,
            spine,
            FaultContext(
                f"join_on of the label of {name}, in the spine {training_set.spine.name}", at
            ),
            wanted=COMPUTABLE,
        )
    if label_schema is not None:
        yield from column_faults(
            label.join_on,
            label_schema,
            FaultContext(f"join_on of the label of {name}, in source {label.source.name}", at),
            wanted=COMPUTABLE,
        )
        classes = _numbered_classes(label, label_schema)
        if classes is not None:
            yield SeveralClasses(training_set=name, source=label.source.name, at=at, **classes)
            return
        yield from expression_faults(
            label.value,
            label_schema,
            FaultContext(f"label of training set {name} (source {label.source.name})", at),
            # Absence is a *no*, and of several classes none means that.
            wanted=_LABEL_TYPES if label.horizon is None else (DType.BOOLEAN,),
        )
    if spine is not None and label_schema is not None:
        yield from _unequal_keys(training_set, spine, label_schema)


def _missing_problems(label: Label) -> Iterator[str]:
    """What is wrong with how rows without a fact are treated."""
    if label.missing not in get_args(MissingLabel):
        known = ", ".join(get_args(MissingLabel))
        yield f"missing={label.missing!r} is not one of {known}"
    elif label.missing == "negative" and label.horizon is None:
        yield 'missing="negative" needs a horizon, after which a row without a fact is negative'
    elif label.missing != "negative" and label.horizon is not None:
        yield f"a horizon says when a row is negative, but missing is {label.missing!r}"


def _unequal_keys(
    training_set: TrainingSet, spine: Schema, label_schema: Schema
) -> Iterator[DeclarationError]:
    label = training_set.label
    for column in label.join_on:
        if column in spine and column in label_schema:
            ours, theirs = spine[column].dtype, label_schema[column].dtype
            if ours is not theirs:
                yield UnequalKeys(
                    training_set=training_set.name,
                    column=column,
                    spine=training_set.spine.name,
                    spine_type=ours.value,
                    source=label.source.name,
                    label_type=theirs.value,
                    at=training_set.declared_at,
                )


def _numbered_classes(label: Label, schema: Schema) -> dict[str, str] | None:
    """What a label names where it is one of more than two whole numbers, which may be classes or
    amounts; None for any other.
    """
    value, columns = label.value, input_columns(label.value)
    if not isinstance(value, Column) or type_faults(value, schema) or not columns:
        return None
    promised = dict(label.source.contract.columns).get(columns[0])
    known = (promised.one_of or ()) if promised else ()
    if infer_type(value, schema) is not DType.INT64 or len(known) <= 2:
        return None
    several = ", ".join(str(one) for one in known[:_SHOWN]) + ("…" if len(known) > _SHOWN else "")
    found = f"one of {len(known)} classes: {several}"
    return {"found": found, "column": columns[0], "example": repr(known[0])}


def _missing_join_keys(training_set: TrainingSet) -> Iterator[DeclarationError]:
    needed: dict[str, str] = {}
    for view in training_set.views:
        needed = {
            key: f"entity {entity.name} of view {view.name}"
            for entity in view.entities
            for key in entity.request_keys
        } | needed
    for key, user in needed.items():
        if key not in training_set.request:
            yield JoinKeyNotInRequest(
                training_set=training_set.name, column=key, user=user, at=training_set.declared_at
            )


def _lists_of_texts(
    training_set: TrainingSet, schemas: Mapping[str, Schema]
) -> Iterator[DeclarationError]:
    """Features that no matrix has a place for, of views that are sound in themselves."""
    for selection in training_set.selections:
        view = selection.view
        if not isinstance(view, FeatureView):
            continue
        schema = schemas.get(view.sources[0].name) if view.sources else None
        if schema is not None and not any(view_faults(view, schemas)):
            lists = [
                field.name
                for field in feature_fields(view, schema)
                if field.dtype is DType.LIST_STRING
                and field.name in (selection.columns or feature_names(view))
            ]
            yield from (
                ListOfTexts(
                    training_set=training_set.name,
                    feature=name,
                    view=view.name,
                    at=training_set.declared_at,
                )
                for name in lists
            )


def _duplicate_features(training_set: TrainingSet) -> Iterator[DeclarationError]:
    for feature, first, second in repeated_features(iter_selections(training_set.features)):
        yield DuplicateFeature(
            training_set=training_set.name,
            feature=feature,
            first=first,
            second=second,
            at=training_set.declared_at,
        )


def _split_faults(training_set: TrainingSet) -> Iterator[DeclarationError]:
    split = training_set.split
    if not isinstance(split, Split):
        problems = [] if 0 < split.test_share < 1 else [f"test_share is {split.test_share}"]
        if isinstance(split, KeySplit) and not split.columns:
            problems.append("it names no column")
        yield from (
            InvalidValue(
                user=f"split of training set {training_set.name}",
                problem=f"{problem}; it takes columns and a share between 0 and 1",
                at=training_set.declared_at,
            )
            for problem in problems
        )
    elif not split.train_from < split.test_from < split.test_until:
        yield SplitOrder(
            training_set=training_set.name,
            train_from=format_instant(split.train_from),
            test_from=format_instant(split.test_from),
            test_until=format_instant(split.test_until),
            at=training_set.declared_at,
        )
