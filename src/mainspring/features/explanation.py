"""A view in words: whose facts, which windows with which edges, and how sure it is that batch and
online agree on each feature.
"""

from typing import Literal as OneOf
from typing import NamedTuple

import msgspec

from mainspring.elements.expression.aggregable import Aggregable
from mainspring.elements.expression.aggregation import ORDERED, Aggregation
from mainspring.elements.expression.build import count
from mainspring.elements.expression.tree import input_columns
from mainspring.elements.schema import DType
from mainspring.elements.time import Micros, format_duration
from mainspring.elements.window import WindowLength, interval
from mainspring.features.spec import Entity, FeatureView, Latest, latest
from mainspring.features.view import CompiledView

__all__ = [
    "EntityExplanation",
    "Exactness",
    "OutputExplanation",
    "ViewExplanation",
    "explain_view",
    "render_view_explanation",
]

Exactness = OneOf["proven", "ordered"]
"""`proven`: states that merge in any order, held equal by law; `ordered`: applied in total order.
Nothing is merely tested: decision 0011.
"""

_KNOWLEDGE = {
    "as_known": "what was visible at the prediction time",
    "as_corrected": "hindsight: what stands in the end, which no gate lets serve",
}
_NULLS = {"skip": "facts without a key belong to none", "group": "null is a key like any other"}


class EntityExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """One entity: what it is called, the columns that facts name it by, those that a request does,
    and how in words.
    """

    name: str
    keys: tuple[str, ...]
    asked_by: tuple[str, ...]
    says: str


class OutputExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """One output, the same for every entity.

    Args:
        name: of its columns, without the entity.
        size: of a list the most elements.
        says: what it is.
        reads: the columns of the source.
        window: the event times that count, as an interval.
    """

    name: str
    dtype: DType
    size: int | None
    says: str
    reads: tuple[str, ...]
    window: str
    exactness: Exactness


class ViewExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a view means beside its numbers.

    Args:
        knowledge: which facts are seen.
        hop: how its answers are dated, where not at the prediction time itself.
        ttl: how long a looked-up fact counts, where not for ever.
    """

    view: str
    description: str
    sources: tuple[str, ...]
    entities: tuple[EntityExplanation, ...]
    knowledge: str
    hop: str | None
    ttl: str | None
    outputs: tuple[OutputExplanation, ...]
    owner: str = ""
    tags: dict[str, str] = {}


class _Description(NamedTuple):
    """What the declaration alone says of an output."""

    says: str
    reads: tuple[str, ...]
    window: str
    exactness: Exactness


def explain_view(view: CompiledView) -> ViewExplanation:
    """The view as a record; `render_view_explanation` puts it into lines."""
    declared = view.view
    return ViewExplanation(
        view=declared.name,
        description=declared.description,
        owner=declared.owner,
        tags=dict(declared.tags),
        sources=tuple(source.name for source in declared.sources),
        entities=tuple(_explain_entity(entity) for entity in declared.entities),
        knowledge=_KNOWLEDGE[declared.knowledge],
        hop=f"as at the last multiple of {format_duration(declared.hop)} since 1970, on both clocks"
        if declared.hop is not None
        else None,
        ttl=format_duration(declared.ttl) if declared.ttl is not None else None,
        outputs=_explain_outputs(view),
    )


def render_view_explanation(explanation: ViewExplanation) -> str:
    """The record as text for people."""
    lines = [
        f"{explanation.view}: {explanation.description}"
        if explanation.description
        else explanation.view
    ]
    lines += [f"  facts     {', '.join(explanation.sources)}, {explanation.knowledge}"]
    lines += [f"  entity    {entity.name}: {entity.says}" for entity in explanation.entities]
    lines += [f"  hop       {explanation.hop}"] if explanation.hop else []
    lines += [f"  ttl       {explanation.ttl}"] if explanation.ttl else []
    lines += [f"  owner     {explanation.owner}"] if explanation.owner else []
    tags = [f"{name}={value}" if value else name for name, value in explanation.tags.items()]
    lines += [f"  tags      {', '.join(tags)}"] if tags else []
    name, window = (
        max(map(len, texts))
        for texts in zip(
            *((output.name, output.window) for output in explanation.outputs), strict=True
        )
    )
    lines += [
        f"  {output.name:<{name}}  {output.window:<{window}}  {output.exactness:<7}  {output.says}"
        for output in explanation.outputs
    ]
    return "\n".join(lines)


def _explain_entity(entity: Entity) -> EntityExplanation:
    keys = ", ".join(entity.join_keys)
    said = f"by {keys}; {_NULLS[entity.null_keys]}" if keys else "everything"
    if entity.through is not None:
        said = (
            f"by the {keys} that view {entity.through.name} knew of "
            f"{', '.join(entity.request_keys)}; {_NULLS[entity.null_keys]}"
        )
    return EntityExplanation(
        name=entity.name, keys=entity.join_keys, asked_by=entity.request_keys, says=said
    )


def _explain_outputs(view: CompiledView) -> tuple[OutputExplanation, ...]:
    declared = view.view
    if isinstance(declared.features, Latest):
        said = _summary(latest.__doc__)
        described = [
            _Description(said, (column,), _lookup_window(declared.ttl), "proven")
            for column in declared.features.columns
        ]
    else:
        described = [
            _describe(aggregation, declared, window)
            for _, aggregation in declared.features
            for window in declared.windows
        ]
    return tuple(
        OutputExplanation(name=field.name, dtype=field.dtype, size=size, **each._asdict())
        for field, size, each in zip(view.outputs, view.sizes, described, strict=True)
    )


def _describe(aggregation: Aggregation, view: FeatureView, window: WindowLength) -> _Description:
    nodes = [node for node in (aggregation.operand, aggregation.where) if node is not None]
    reads = tuple(sorted({column for node in nodes for column in input_columns(node)}))
    method = count if aggregation.operand is None else getattr(Aggregable, aggregation.name)
    condition = " where a condition holds" if aggregation.where is not None else ""
    exactness: Exactness = "ordered" if aggregation.name in ORDERED else "proven"
    return _Description(
        _summary(method.__doc__) + condition, reads, interval(window, view.closed), exactness
    )


def _lookup_window(ttl: Micros | None) -> str:
    return (
        "event_time < q" if ttl is None else f"event_time < q < event_time + {format_duration(ttl)}"
    )


def _summary(docstring: str | None) -> str:
    """What a method says of itself first, so that users read one definition everywhere."""
    return " ".join((docstring or "").partition("\n\n")[0].split()).rstrip(".")
