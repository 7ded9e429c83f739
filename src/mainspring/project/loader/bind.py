"""Bind declarations to the generations of their sources.

What a source's facts are depends on its definition, so the name of their topic does.  It is put
into the declarations once, when a project is loaded: whoever compiles, stores or reads one of them
later reads that generation and no other.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import fields, is_dataclass, replace
from typing import Generic, TypeVar

from mainspring.elements.identity import Digest, short
from mainspring.elements.schema import Schema
from mainspring.features import SEMANTICS_VERSION
from mainspring.project.kinds.asset import AssetOrigin, FingerprintContext
from mainspring.project.kinds.union import asset_name
from mainspring.project.loader.declarations import Declarations
from mainspring.project.loader.fingerprint import define_asset
from mainspring.project.loader.origins import origin_asset
from mainspring.sources.spec import Source, bind_source
from mainspring.sources.topic import log_of_stream, stream_of

__all__ = ["Exchange", "bind_declarations", "generation_of", "is_named_after_definition"]

T = TypeVar("T")
E = TypeVar("E")


def generation_of(fingerprint: Digest) -> str:
    """What names the generation of a source that is built by this fingerprint."""
    return short(fingerprint)


def is_named_after_definition(source: Source, schema: Schema) -> bool:
    """Whether a source that was stored is bound to the generation that its own definition names.

    Whoever writes a definition into the state could else have the facts of any generation, that of
    a protected environment too, decided by rules of theirs.
    """
    log, asset = log_of_stream(source.stream), asset_name(source)
    context = FingerprintContext(
        semantics=SEMANTICS_VERSION,
        schemas={source.name: schema},
        origins={asset: AssetOrigin(log, source.refreshes)},
    )
    fingerprint = define_asset(source, {}, context).build_fingerprint
    return source.bound_stream == stream_of(log, generation_of(fingerprint))


def bind_declarations(declarations: Declarations, context: FingerprintContext) -> Declarations:
    """The declarations, each source bound to its generation; whatever holds it holds the bound
    one.
    """
    sources = {
        source.name: _bound_source(source, context)
        for source in declarations.sources
        if source.name in context.schemas
    }
    exchange = Exchange(Source, lambda source: sources.get(source.name, source))
    return replace(declarations, assets=tuple(map(exchange.bound, declarations.assets)))


def _bound_source(source: Source, context: FingerprintContext) -> Source:
    origin = context.origins.get(asset_name(source))
    log = origin_asset(source, context).partition(".")[2]
    fingerprint = define_asset(source, {}, context).build_fingerprint
    stream = stream_of(log, generation_of(fingerprint))
    return bind_source(source, stream, refreshes=origin.refreshes if origin else 0)


def _by_log(items: list[object]) -> list[object]:
    """Sources of a union stand by the names of their logs, as their facts do: what they are called
    must not change the view.
    """
    sources = [item for item in items if isinstance(item, Source)]
    if len(sources) < len(items):
        return items
    sources.sort(key=lambda source: log_of_stream(source.stream))
    return [*sources]


class Exchange(Generic[E]):
    """Exchanges the records of one kind in others; a record that several hold stays one.

    Args:
        given: what takes the place of such a record.
    """

    def __init__(self, kind: type[E], given: Callable[[E], object]) -> None:
        self._kind, self._given = kind, given
        self._done: dict[int, object] = {}

    def bound(self, value: T) -> T:
        """The value with others in place of such records; itself where it has none."""
        if id(value) not in self._done:
            self._done[id(value)] = self._exchanged(value)
        return self._done[id(value)]  # type: ignore[return-value]

    def _exchanged(self, value: object) -> object:
        if isinstance(value, self._kind):
            return self._given(value)
        if isinstance(value, tuple):
            items = _by_log([self.bound(item) for item in value])
            same = all(item is old for item, old in zip(items, value, strict=True))
            return value if same else tuple(items)
        if not is_dataclass(value) or isinstance(value, type):
            return value
        found = {f.name: getattr(value, f.name) for f in fields(value)}
        changed = {name: new for name, old in found.items() if (new := self.bound(old)) is not old}
        if not changed:
            return value
        exchanged = copy(value)
        for name, new in changed.items():
            object.__setattr__(exchanged, name, new)
        return exchanged
