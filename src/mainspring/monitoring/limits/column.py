"""A column of the baseline, and the same column of a window judged by it.

A histogram has a share for each of its bins, and for everything below and from each of its inner
edges.  Each is tested for being larger than usual: whatever moves, something grows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from mainspring.elements.time import DAY, HOUR
from mainspring.monitoring.limits.judgement import FindingKind, Judgement
from mainspring.monitoring.limits.share import TOLERATED, Strictness, UsualShare, rows_needed
from mainspring.stats.histogram import bin_count, bin_places, edges_from, histogram
from mainspring.stats.intraclass_correlation import correlation_by_chance, intraclass_correlation

__all__ = ["ColumnBaseline", "WindowsOfRows", "baseline_of_column", "judge_column"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 10
# Shares nearer to 0 or 1 vary too wildly between windows to estimate a spread from.
_COMMON = (0.05, 0.95)
_STANDARD_ERRORS = 2
# The worst of a few weeks' days lies some 2.2 standard deviations out, and a move of all values
# shows two thirds of its PSI in one share.
_SPREAD_OF_PSI = 1 / 8
# Only what stands out this many standard deviations can be beyond a limit.
_STANDS_OUT = 2.5


class ColumnBaseline(msgspec.Struct, frozen=True):
    """The histogram of a column, and how much its shares vary between the baseline's own windows.

    Args:
        limit: of format 1 alone: the largest population stability index (PSI) that a day of the
            baseline has against the whole.
        between_days, between_hours: the largest intraclass correlation of its shares within days
            and within hours of the baseline, as far as chance does not explain it.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    limit: float | msgspec.UnsetType = msgspec.UNSET
    between_days: float | msgspec.UnsetType = msgspec.UNSET
    between_hours: float | msgspec.UnsetType = msgspec.UNSET

    def spread(self, *, hours: bool) -> float:
        """The spread between days, or between hours, which are of different days too; of format 1
        what its limit tells of days.
        """
        days, shorter = self.between_days, self.between_hours
        if days is msgspec.UNSET or shorter is msgspec.UNSET:
            return 0.0 if self.limit is msgspec.UNSET else self.limit * _SPREAD_OF_PSI
        return max(days, shorter) if hours else days


class WindowsOfRows:
    """The rows of a baseline by day and by hour.

    Args:
        times: of the rows.
    """

    def __init__(self, times: Ints) -> None:
        self._days, self._hours = _numbered(times // DAY), _numbered(times // HOUR)

    def spreads(self, places: Ints, bins: int) -> tuple[float, float]:
        """The spread of a histogram's shares between days, and between hours.

        Args:
            places: of each row in the histogram.
        """
        return _spread(self._days, places, bins), _spread(self._hours, places, bins)


def baseline_of_column(values: Floats, windows: WindowsOfRows) -> ColumnBaseline:
    """The histogram of a column and what the baseline's own windows differ by."""
    edges = edges_from(values, _BINS)
    places, bins = bin_places(values, edges), bin_count(edges)
    days, hours = windows.spreads(places, bins)
    counts = np.bincount(places, minlength=bins)
    return ColumnBaseline(
        tuple(edges.tolist()),
        tuple(counts.tolist()),
        between_days=days,
        between_hours=hours,
    )


def judge_column(
    column: ColumnBaseline,
    values: Floats,
    subject: tuple[FindingKind, str],
    *,
    hours: bool,
    strictness: Strictness,
) -> Judgement:
    """Judge a column of a window.

    Args:
        subject: what it is a column of, and its name.
        hours: the window is shorter than a day, and varies as the baseline's hours do.
    """
    rows, usual = len(values), _usual_shares(column, hours=hours)
    strict = strictness.split(len(usual))
    needed = rows_needed(_rarest(usual), strict)
    if needed is None:
        reason = f"the baseline's own {'hours' if hours else 'days'} differ as much"
        return Judgement.impossible(*subject, rows, reason)
    if rows < needed:
        return Judgement.needs(*subject, rows, needed)
    counts = _property_counts(histogram(values, np.array(column.edges)))
    places = np.flatnonzero(_stands_out(counts, rows, usual)).tolist()
    tests = [
        _Test(
            place,
            int(counts[place]) / rows,
            max(usual[place].limit(rows, strict), usual[place].share + TOLERATED),
        )
        for place in places
    ]
    beyond = [test for test in tests if test.share > test.limit]
    if not beyond:
        return Judgement(*subject)
    worst = max(beyond, key=lambda test: _times_the_way(test, usual[test.place]))
    sentence = _sentence(column, subject[1], worst, rows)
    return Judgement.beyond(*subject, worst.share, limit=worst.limit, sentence=sentence)


class _Test(NamedTuple):
    """A property of a window: its place, its share and the limit of that."""

    place: int
    share: float
    limit: float


def _usual_shares(column: ColumnBaseline, *, hours: bool) -> list[UsualShare]:
    """Of each property; one that no row has might have shown in the next."""
    spread, total = column.spread(hours=hours), sum(column.counts)
    return [
        UsualShare(max(count, 1.0), max(total - count, 1.0), spread)
        for count in _property_counts(np.array(column.counts)).tolist()
    ]


def _rarest(usual: Sequence[UsualShare]) -> UsualShare:
    """The rarest property that the baseline has: where all rows of a window have it, something
    happened.  Of a constant, any other value.
    """
    by_rows = sorted(usual, key=lambda share: share.having)
    seen = (share for share in by_rows if share.having > 1 and share.lacking > 1)
    return next(seen, by_rows[0])


def _stands_out(counts: Ints, rows: int, usual: Sequence[UsualShare]) -> NDArray[np.bool_]:
    """Which properties are worth an exact limit."""
    shares = np.array([share.share for share in usual])
    sizes = np.array([share.effective_rows for share in usual])
    variances = rows * shares * (1 - shares) * (1 + (rows - 1) / (sizes + 1))
    stand_out: NDArray[np.bool_] = counts - rows * shares > _STANDS_OUT * np.sqrt(variances)
    return stand_out


def _times_the_way(test: _Test, usual: UsualShare) -> float:
    return (test.share - usual.share) / (test.limit - usual.share)


def _sentence(column: ColumnBaseline, name: str, test: _Test, rows: int) -> str:
    total = sum(column.counts)
    usual = _property_counts(np.array(column.counts))[test.place] / total
    return (
        f"{name}: {test.share:.1%} of {rows:,} rows are {_words(column.edges, test.place)}, "
        f"{usual:.1%} of the baseline's {total:,}; the limit for so many rows is {test.limit:.1%}"
    )


def _property_counts(cells: Ints) -> Ints:
    """How many rows have each property: to be in a cell of a histogram, to be below an inner edge,
    to be at it or above.

    Shapes: (..., cells) -> (..., properties).
    """
    up_to = np.cumsum(cells[..., :-1], axis=-1)
    below = up_to[..., 1 : cells.shape[-1] - 3]
    return np.concatenate([cells, below, up_to[..., -1:] - below], axis=-1)


def _words(edges: Sequence[float], place: int) -> str:
    """A property in words: "60 rows are …".

    >>> [_words((1.0, 2.0, 4.0), place) for place in (0, 1, 3, 4, 5, 6)][2:]
    ['above 4, the most of the baseline', 'missing', 'below 2', '2 or more']
    """
    last, inner = len(edges), max(len(edges) - 2, 0)
    if place == last + 1 or not edges:
        return "missing" if place > 1 else "not missing"
    if place == 0:
        return f"below {edges[0]:g}, the least of the baseline"
    if place == last:
        return f"{_from(edges, last - 1, above=True)}, the most of the baseline"
    if place < last:
        return _between(edges, place)
    edge = 1 + (place - last - 2) % inner
    return _below(edges, edge) if place - last - 2 < inner else _from(edges, edge)


def _closes(edges: Sequence[float], edge: int) -> bool:
    """Whether an edge is there to give the value before it a bin of its own."""
    return edge > 0 and edges[edge] == np.nextafter(edges[edge - 1], np.inf)


def _from(edges: Sequence[float], edge: int, *, above: bool = False) -> str:
    if _closes(edges, edge):
        return f"above {edges[edge - 1]:g}"
    return f"above {edges[edge]:g}" if above else f"{edges[edge]:g} or more"


def _below(edges: Sequence[float], edge: int) -> str:
    if _closes(edges, edge):
        return f"{edges[edge - 1]:g} or less"
    return f"below {edges[edge]:g}"


def _between(edges: Sequence[float], edge: int) -> str:
    """What lies in the bin that ends at an edge."""
    if _closes(edges, edge):
        return f"{edges[edge - 1]:g}"
    if _closes(edges, edge - 1):
        return f"above {edges[edge - 2]:g}, to {edges[edge]:g}"
    return f"from {edges[edge - 1]:g} to {edges[edge]:g}"


def _numbered(groups: Ints) -> Ints:
    """The number of each row's group, from 0."""
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _spread(groups: Ints, places: Ints, bins: int) -> float:
    """The largest correlation within groups of the shares that can show one."""
    cells = np.bincount(groups * bins + places, minlength=bins * (1 + groups.max(initial=-1)))
    cells = cells.reshape(-1, bins).astype(np.int64)
    counts, rows = _property_counts(cells), cells.sum(axis=1)
    shares = counts.sum(axis=0) / max(rows.sum(), 1)
    common = (shares >= _COMMON[0]) & (shares <= _COMMON[1])
    if not common.any():
        common = np.abs(shares - 0.5) == np.abs(shares - 0.5).min()
    correlation = intraclass_correlation(counts, rows)[common].max()
    return float(max(correlation - _STANDARD_ERRORS * correlation_by_chance(rows), 0.0))
