"""Features of an environment, read: for the rows of a spine from history, for keys from online
state.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

import polars as pl

from mainspring.elements.declaration import Named, names_of
from mainspring.elements.time import Micros
from mainspring.features.history.gather import backfill_from
from mainspring.features.online.read import FeatureRows, read_online
from mainspring.features.requests import cast_entity_keys, prepare_spine, resolve_read_time
from mainspring.features.stream.open import StreamPorts, materialize_to_head
from mainspring.features.view import CompiledView, with_lookups
from mainspring.registry.errors import UnknownAsset
from mainspring.serving.state.views import ServedViews
from mainspring.sources.facts import read_source_rows
from mainspring.sources.imported import require_imported
from mainspring.sources.spec import Source

__all__ = ["FeatureReader", "ViewNames"]

ViewNames: TypeAlias = str | Named | Iterable[str | Named]
"""Names of feature views, or their declarations; one alone or several."""


class FeatureReader:
    """Reads the feature views of one environment, as the environment holds them; what is edited and
    not applied yet is not read.

    Args:
        held: the views that the environment holds.
        declared: gives the views as they are declared now, by name and in that order; called
            once, and only for what the environment does not hold.
    """

    def __init__(
        self,
        ports: StreamPorts,
        held: ServedViews,
        *,
        declared: Callable[[], Mapping[str, CompiledView]],
    ) -> None:
        self._ports, self._held, self._compile_declared = ports, held, declared

    @cached_property
    def _declared(self) -> Mapping[str, CompiledView]:
        return self._compile_declared()

    def view(self, name: str) -> CompiledView:
        """A feature view, compiled: as this environment holds it, and as it is declared only where
        it holds none of that name.  Raises: UnknownAsset ACC-006.
        """
        held = self._held.held()
        if name in held:
            return held[name]
        if name not in self._declared:
            raise UnknownAsset(kind="feature view", name=name, known=", ".join(self._view_names()))
        return self._declared[name]

    def views(self) -> list[CompiledView]:
        """Every feature view that is declared or held here."""
        return [self.view(name) for name in self._view_names()]

    def _views_of(self, names: ViewNames) -> list[CompiledView]:
        return [self.view(name) for name in names_of(names, "feature view")]

    def _read_views_of(self, names: ViewNames) -> list[CompiledView]:
        """The views, all of whose sources were read.  Raises: FileNotRead SRC-037."""
        views = self._views_of(names)
        sources = [source for view in with_lookups(views) for source in view.view.sources]
        require_imported(sources, self._ports.log)
        return views

    def _view_names(self) -> list[str]:
        """In the order in which they are declared, then those that this environment still holds."""
        return list(dict.fromkeys([*self._declared, *sorted(self._held.held())]))

    def get_historical_features(self, features: ViewNames, *, spine: pl.DataFrame) -> pl.DataFrame:
        """Features of these views for every row of the spine, point-in-time correct, in its order;
        no row is dropped.

        Args:
            features: names of feature views or their declarations; they answer as this environment
                holds them: what is edited and not applied yet is not asked.
            spine: join keys, and `prediction_time`: timestamps (without a zone: UTC), ISO 8601 text
                or int64 microseconds.

        Raises: UnknownAsset ACC-006, FileNotRead SRC-037, SpineUnusable FEA-010 for a column that
            is missing or of another type.
        """
        views = self._read_views_of(features)
        asked = prepare_spine(spine, views)
        return pl.concat(
            [spine, *(backfill_from(view, self._facts_of, asked) for view in views)],
            how="horizontal",
        )

    def get_online_features(
        self,
        features: ViewNames,
        *,
        keys: Sequence[Mapping[str, object]] | pl.DataFrame,
        at: Micros | str | datetime | None = None,
        reasons: bool = False,
    ) -> FeatureRows:
        """Features of these views for each key, from online state, at the clock's now or (exact or
        refused) at another time.

        Args:
            keys: the join keys of each row.
            reasons: say also, for each row and `view.entity`, whether its key is known and a fact
                in its window: `FeatureRows.reasons`.

        Returns: values as models take them: instants and lengths of time are int64 microseconds.

        Raises: HorizonPassed FEA-002 when that time lies before what is kept, MissingRequestField
            FEA-003, WrongRequestType FEA-004 for a missing join key or one of another type,
            MomentAhead FEA-011 for the future, FeatureNamedTwice FEA-012 where two views give a
            column of one name, HindsightAsked FEA-013 for a view with hindsight.
        """
        views = self._read_views_of(features)
        now, request = self._ports.data_clock.now(), cast_entity_keys(keys, views)
        for view in with_lookups(views):
            materialize_to_head(view, self._ports)
        return read_online(
            views,
            self._ports.online,
            request.columns,
            at=[resolve_read_time(at, now=now)] * request.height,
            reasons=reasons,
        )

    def _facts_of(self, source: Source) -> pl.DataFrame:
        return read_source_rows(source, log=self._ports.log, tables=self._ports.tables)
