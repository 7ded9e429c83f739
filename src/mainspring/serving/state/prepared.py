"""Features of an environment, prepared: names are resolved and programs compiled once, and each
read does what is left.

A prepared reader follows the environment: after an `apply`, a promotion or a rollback it answers as
the map says then, and a read that began before ends as it began.  Where features that it was made
for are not there any more, reads say so until they are again.  `freshness` says how soon.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from mainspring.elements.foreign_frame import GivenRows, plain_rows
from mainspring.elements.time import Micros
from mainspring.features.errors import HorizonPassed
from mainspring.features.online.arrays import FeatureArray
from mainspring.features.online.prepared import PreparedRead
from mainspring.features.online.read import FeatureRows
from mainspring.features.physical import Value
from mainspring.features.requests import resolve_read_time
from mainspring.features.stream.open import StreamPorts, materialize_to_head
from mainspring.features.view import with_lookups
from mainspring.serving.state.freshness import Freshness
from mainspring.serving.state.views import ServedViews
from mainspring.sources.topic import topic_of

__all__ = ["PreparedFeatures"]

Moment = Micros | str | datetime | None


class PreparedFeatures:
    """Features that are ready to be read for keys, online.  Safe to use from several threads.

    Values are as models take them: instants and lengths of time are int64 microseconds.  A read
    sees what this workspace has written before, and what others have, ten milliseconds later at
    most.

    All reads raise: HorizonPassed FEA-002 when online state does not reach back far enough,
    MissingRequestField FEA-003, WrongRequestType FEA-004 for a join key that is missing or of
    another type, FeatureOverflow FEA-001; and what `Workspace.prepare` raises where the
    environment has moved on and does not have these features any more.

    Args:
        resolve: the features as the environment holds them now.
        folds: whether a read folds what the log holds itself, as where no consumer runs; else it
            answers from the state as it is.
    """

    def __init__(
        self,
        resolve: Callable[[], PreparedRead],
        ports: StreamPorts,
        held: ServedViews,
        *,
        freshness: Freshness,
        folds: bool,
    ) -> None:
        self._resolve, self._ports, self._held = resolve, ports, held
        self._freshness, self._folds = freshness, folds
        self._now = ports.data_clock.now
        self._looking = threading.Lock()
        self._folded: Mapping[str, int] = {}
        self._views: object = None
        self._read = self._look()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The features, in the order in which they are answered."""
        return self._current().column_names

    @property
    def key_names(self) -> tuple[str, ...]:
        """The join keys that a row must have; on-demand views read further columns."""
        return self._current().keys.names

    def read_one(self, key: Mapping[str, object], *, at: Moment = None) -> dict[str, Value]:
        """The features of one row by name, now or at another time.

        Args:
            key: the join keys, and the request columns that on-demand views read.
        """
        if type(key) is not dict:
            [key] = plain_rows([key])
        moment = self._now() if at is None else self._moment(at)
        try:
            read = self._current() if self._freshness.is_due() else self._read
            return read.read_one(key, at=moment)
        except HorizonPassed:
            return self._anew().read_one(key, at=moment)

    def read(self, keys: GivenRows, *, at: Moment = None) -> list[dict[str, Value]]:
        """The features of each row by name, now or at another time, in the order of the rows."""
        rows = plain_rows(keys)
        if len(rows) == 1:
            return [self.read_one(rows[0], at=at)]
        columns = self.read_columns(rows, at=at).columns
        named = partial(zip, columns)
        return [dict(named(values)) for values in zip(*columns.values(), strict=True)]

    def read_arrays(self, keys: GivenRows, *, at: Moment = None) -> dict[str, FeatureArray]:
        """The features by name as arrays of NumPy, now or at another time."""
        rows, moment = plain_rows(keys), self._moment(at)
        try:
            return self._current().read_arrays(rows, at=moment)
        except HorizonPassed:
            return self._anew().read_arrays(rows, at=moment)

    def read_columns(
        self, keys: GivenRows, *, at: Moment = None, reasons: bool = False
    ) -> FeatureRows:
        """As `get_online_features`."""
        rows, moment = plain_rows(keys), self._moment(at)
        try:
            return self._current().read(rows, at=moment, reasons=reasons)
        except HorizonPassed:
            return self._anew().read(rows, at=moment, reasons=reasons)

    def _moment(self, at: Moment) -> Micros:
        now = self._now()
        return now if at is None else resolve_read_time(at, now=now)

    def _current(self) -> PreparedRead:
        """The features as the environment holds them, to be read from state that is fresh."""
        if not self._freshness.is_due():
            return self._read
        with self._looking:
            if self._freshness.is_due():
                self._read = self._look()
            return self._read

    def _anew(self) -> PreparedRead:
        """The same after a thorough look: the store has lost state, or another clock built it."""
        with self._looking:
            self._folded = {}
            self._read = self._look()
            return self._read

    def _look(self) -> PreparedRead:
        """Follow the map, then the log."""
        look, views = self._freshness.begin(), self._held.read()
        if views is self._views:
            read = self._read
        else:
            read, self._folded = self._resolve(), {}
        if self._folds:
            self._fold(read)
        self._views = views
        self._freshness.end(look)
        return read

    def _fold(self, read: PreparedRead) -> None:
        """Bring the state of the views up to the log, where that has grown."""
        views, log = with_lookups(read.views), self._ports.log
        heads = {
            topic: log.head(topic)
            for topic in {topic_of(source.stream) for view in views for source in view.view.sources}
        }
        if heads != self._folded:
            for view in views:
                materialize_to_head(view, self._ports)
            self._folded = heads
