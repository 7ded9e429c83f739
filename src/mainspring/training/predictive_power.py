"""How well each feature alone, and two together, tell the label: the first thing to look at when a
model seems too good.

A copied label comes in many forms, so a feature is read in several ways and the best counts: as a
rank, which finds any rising or falling copy; as cells whose mean label is learned from the fitted
rows, which finds categories, and values whose absence says it all; as a line through the fitted
rows, which finds copies that rise and fall; and a text by the first number in it.  Two features are
subtracted, added, multiplied, divided, compared, and crossed as cells, for often neither of two
times says anything and their difference is the label.

What counts is the lower of what a reading tells of the fitted and of the test rows: a copy tells
all of both, while chance tells all of a few rows only.  Where a class has so few rows that ranks
drawn at random would tell as much in one of all the readings, a reading is not counted.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mainspring.datasets.encoding import EncodedFeature, Encoding
from mainspring.elements.schema import DType
from mainspring.stats.midrank import midranks
from mainspring.stats.rank_sum import chance_of_auc
from mainspring.stats.roc_auc import roc_auc
from mainspring.stats.spearman import correlation_of_ranks
from mainspring.stats.target_mean import target_means

__all__ = ["MOST_ROWS", "LabelledRows", "PredictivePower", "predictive_power"]

MOST_ROWS = 20_000
"""Rows used: enough to tell 0.95 from 0.94, and 120 features take a second."""

_CELLS, _CROSSED_CELLS, _FEWEST_ROWS = 64, 12, 4
_PAIRED, _SCREENED_ROWS = 40, 2_000
_TRIED_AGAIN, _SHOWN_PAIRS = 20, 5
_READINGS, _READINGS_OF_PAIR = 3, 8
_BY_CHANCE = 0.01
# Of so many rows of each class chance never tells enough to be suspected.
_FEW_OF_A_CLASS = 20
_NUMBER = re.compile(
    r"[-+\u2212]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+(?!\d)|(?=\.\d))(?:\.\d+)?(?:[eE][-+]\d+)?"
)
_MINUS = str.maketrans("\u2212", "-", ",")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class LabelledRows(NamedTuple):
    """Rows as a model is fed them, and their labels.  Shapes: (rows, columns) and (rows,)."""

    matrix: Floats
    labels: Floats

    def sampled(self, most: int) -> "LabelledRows":
        """So many of them at most, evenly spread."""
        some = _evenly(len(self.labels), most)
        return LabelledRows(self.matrix[some], self.labels[some])


class PredictivePower(NamedTuple):
    """What features tell of the label: the AUC of one that is yes or no, turned to lie in [0.5, 1],
    and the share of the variance (R²) of one that is a number; NaN where all labels are equal.

    Args:
        single: of each column of the model's matrix.
        pairs: of the strongest pairs that leave at most half of the doubt that the better one of
            the two leaves alone; by how they were combined.
    """

    single: dict[str, float]
    pairs: dict[str, float]


def predictive_power(
    encoding: Encoding, fitted: LabelledRows, tested: LabelledRows, *, is_classified: bool
) -> PredictivePower:
    """The power of every column, and of the strongest pairs.

    Args:
        is_classified: whether labels are yes or no, in {0, 1}.

    Cost: a second for 120 columns, whatever the rows; the same rows give the same numbers.
    """
    fitted, tested = fitted.sampled(MOST_ROWS), tested.sampled(MOST_ROWS)
    columns = [
        _Column(feature, fitted.matrix[:, place], tested.matrix[:, place])
        for place, feature in enumerate(encoding.columns)
    ]
    by_chance = _BY_CHANCE / (max(len(columns), 1) * _READINGS)
    measure = _Measure(fitted.labels, tested.labels, is_classified, by_chance)
    single = {column.name: _highest(_alone(column, measure)) for column in columns}
    return PredictivePower(single, _strongest_pairs(columns, measure, single))


@dataclass(frozen=True, eq=False)
class _Column:
    """A column of the matrix on both sides of the split."""

    feature: EncodedFeature
    fitted: Floats
    tested: Floats

    @property
    def name(self) -> str:
        """As the model knows it."""
        return self.feature.name

    @property
    def is_text(self) -> bool:
        """Whether it holds codes of texts."""
        return self.feature.vocabulary is not None

    def cells(self, most: int) -> tuple[Ints, Ints, int]:
        """Each row's cell, of the fitted and the test rows, and how many cells there are; missing
        values have cell 0.
        """
        if self.feature.vocabulary is not None and len(self.feature.vocabulary) <= most:
            edges = np.arange(len(self.feature.vocabulary), dtype=np.float64)
        else:
            edges = _edges(self.fitted, most)
        return _cells(self.fitted, edges), _cells(self.tested, edges), len(edges) + 2


@dataclass(frozen=True, eq=False)
class _Measure:
    """How well scores tell labels.  A higher score may mean a higher label or a lower one; what is
    more likely than `by_chance` where a class has few rows cannot be told.
    """

    fitted: Floats
    tested: Floats
    is_classified: bool
    by_chance: float

    def of_ranks(self, fitted: Floats, tested: Floats) -> float:
        """Of scores that nothing was learned for; a missing one is the lowest."""
        return self._told(
            self._of_rank(fitted, self.fitted, self._fitted_ranks),
            self._of_rank(tested, self.tested, self._tested_ranks),
        )

    def of_fitted_ranks(self, fitted: Floats) -> float:
        """The same where only the fitted rows can tell."""
        power = self._of_rank(fitted, self.fitted, self._fitted_ranks)
        return power if self._chance(power, self.fitted) <= self.by_chance else float("nan")

    def of_cells(self, fitted: Ints, tested: Ints, size: int) -> float:
        """Of the mean label of each cell, learned from the fitted rows; of those themselves each
        half is told by the other.
        """
        if len(fitted) < _FEWEST_ROWS:
            return float("nan")
        crossed = np.empty(len(fitted))
        for half in self._halves:
            crossed[~half] = target_means(fitted[half], self.fitted[half], size=size)[fitted[~half]]
        predicted = target_means(fitted, self.fitted, size=size)[tested]
        return self._told(
            self._of_prediction(crossed, self.fitted), self._of_prediction(predicted, self.tested)
        )

    def of_line(self, fitted: Floats, tested: Floats) -> float:
        """Of the line through the mean label of each value, learned in the same way."""
        if len(fitted) < _FEWEST_ROWS:
            return float("nan")
        crossed = np.empty(len(fitted))
        for half in self._halves:
            crossed[~half] = _on_line(fitted[half], self.fitted[half], fitted[~half])
        return self.of_ranks(crossed, _on_line(fitted, self.fitted, tested))

    @cached_property
    def _halves(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        # Drawn, since every second row may be of one kind.
        half = np.random.default_rng(0).permutation(len(self.fitted)) % 2 == 0
        return half, ~half

    @cached_property
    def _fitted_ranks(self) -> Floats:
        return midranks(self.fitted)

    @cached_property
    def _tested_ranks(self) -> Floats:
        return midranks(self.tested)

    def _told(self, fitted: float, tested: float) -> float:
        """The lower of two; NaN where one is, or where chance explains both."""
        chance = self._chance(fitted, self.fitted) * self._chance(tested, self.tested)
        return min(fitted, tested) if chance <= self.by_chance else float("nan")

    def _chance(self, power: float, labels: Floats) -> float:
        """How likely chance tells as much; NaN where nothing is told, 0 of enough rows."""
        if power != power:
            return power
        if not self.is_classified:
            return 0.0
        positives = int(labels.sum())
        negatives = len(labels) - positives
        if min(positives, negatives) >= _FEW_OF_A_CLASS:
            return 0.0
        return chance_of_auc(power, positives=positives, negatives=negatives)

    def _of_rank(self, scores: Floats, labels: Floats, ranks: Floats) -> float:
        scores = np.where(np.isnan(scores), -np.inf, scores)
        if self.is_classified:
            auc = roc_auc(labels, scores)
            return max(auc, 1 - auc)
        return correlation_of_ranks(midranks(scores), ranks) ** 2

    def _of_prediction(self, predicted: Floats, labels: Floats) -> float:
        if self.is_classified:
            return max(roc_auc(labels, predicted), 0.5)
        variance = float(np.square(labels - labels.mean()).sum())
        missed = float(np.square(labels - predicted).sum())
        return max(1 - missed / variance, 0.0) if variance else float("nan")


def _highest(powers: Iterator[float]) -> float:
    """The highest of those that can be told; NaN where none can."""
    return max((power for power in powers if power == power), default=float("nan"))


def _alone(column: _Column, measure: _Measure) -> Iterator[float]:
    yield measure.of_cells(*column.cells(MOST_ROWS if column.is_text else _CELLS))
    if not column.is_text:
        yield measure.of_ranks(column.fitted, column.tested)
        yield measure.of_line(column.fitted, column.tested)
    elif (numbers := _numbers(column.feature.vocabulary or ())) is not None:
        # A text that no fitted row had is not known in the test rows: what it said cannot be told.
        told = _looked_up(numbers, column.fitted)
        yield measure.of_ranks(told, _looked_up(numbers, column.tested))
        yield measure.of_fitted_ranks(told)


def _numbers(vocabulary: tuple[str, ...]) -> Floats | None:
    """The first number in each text; None where most have none."""
    found = [_NUMBER.search(text) for text in vocabulary]
    numbers = np.array([float(m[0].translate(_MINUS)) if m else np.nan for m in found])
    return numbers if np.isfinite(numbers).sum() > len(numbers) / 2 else None


def _looked_up(values: Floats, codes: Floats) -> Floats:
    known = ~np.isnan(codes)
    found = np.full(len(codes), np.nan)
    found[known] = values[codes[known].astype(np.int64)]
    return found


def _strongest_pairs(
    columns: Sequence[_Column], measure: _Measure, single: Mapping[str, float]
) -> dict[str, float]:
    """Pairs that tell much more than either alone: all pairs of times and of the strongest columns
    are tried on few rows, and the best of them again on all.
    """
    alone = {name: float(np.nan_to_num(power)) for name, power in single.items()}
    ranked = sorted(
        columns, key=lambda each: (each.feature.dtype is not DType.TIMESTAMP, -alone[each.name])
    )[:_PAIRED]
    doubts = [1 - alone[column.name] for column in ranked]
    readings = max(len(ranked) * (len(ranked) - 1) // 2, 1) * _READINGS_OF_PAIR
    measure = replace(measure, by_chance=_BY_CHANCE / readings)
    few = [_evenly(len(labels), _SCREENED_ROWS) for labels in (measure.fitted, measure.tested)]
    screened = _ranked_pairs(
        [
            replace(column, fitted=column.fitted[few[0]], tested=column.tested[few[1]])
            for column in ranked
        ],
        replace(measure, fitted=measure.fitted[few[0]], tested=measure.tested[few[1]]),
    )
    promising = [
        (one, other)
        for (one, other), _, power in screened
        if 1 - power < min(doubts[one], doubts[other]) / 2
    ]
    found: dict[str, float] = {}
    for one, other in promising[:_TRIED_AGAIN]:
        for _, how, power in _ranked_pairs([ranked[one], ranked[other]], measure):
            if 1 - power < min(doubts[one], doubts[other]) / 2:
                found[how] = power
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN_PAIRS])


def _ranked_pairs(
    columns: Sequence[_Column], measure: _Measure
) -> list[tuple[tuple[int, int], str, float]]:
    """Each two of these columns by their places, the best way to combine them and its power; the
    strongest first, those without one left out.
    """
    cells = [column.cells(_CROSSED_CELLS) for column in columns]
    found = []
    for one, other in combinations(range(len(columns)), 2):
        powers = {
            how: measure.of_ranks(fitted, tested)
            for how, fitted, tested in _combined(columns[one], columns[other])
        }
        crossed = f"{columns[one].name} and {columns[other].name}"
        powers[crossed] = measure.of_cells(*_crossed(cells[one], cells[other]))
        known = {how: power for how, power in powers.items() if power == power}
        if known:
            how = max(known, key=lambda each: known[each])
            found.append(((one, other), how, known[how]))
    return sorted(found, key=lambda item: -item[2])


def _combined(one: _Column, other: _Column) -> Iterator[tuple[str, Floats, Floats]]:
    """Scores by both columns, of the fitted and the test rows, and how they were made."""
    sides = ((one.fitted, other.fitted), (one.tested, other.tested))
    if one.is_text and other.is_text:
        places = {text: place for place, text in enumerate(one.feature.vocabulary or ())}
        codes = [places.get(text, -1) for text in other.feature.vocabulary or ()]
        same = [_equal(a, _looked_up(np.array(codes, dtype=np.float64), b)) for a, b in sides]
        yield f"{one.name} = {other.name}", same[0], same[1]
    if one.is_text or other.is_text:
        return
    means = _mean(one.fitted), _mean(other.fitted)
    ways: Mapping[str, Callable[[Floats, Floats], Floats]] = {
        "{} - {}": np.subtract,
        "|{} - {}|": lambda a, b: np.abs(a - b),
        "{} + {}": np.add,
        "{} / {}": np.divide,
        "{} × {}": np.multiply,
        # Around their means: of positive numbers the product says no more than each.
        "{} × {} around their means": lambda a, b: (a - means[0]) * (b - means[1]),
    }
    with np.errstate(all="ignore"):
        for how, combine in ways.items():
            fitted, tested = (combine(a, b) for a, b in sides)
            yield how.format(one.name, other.name), fitted, tested


def _equal(a: Floats, b: Floats) -> Floats:
    return np.where(np.isnan(a) | np.isnan(b), np.nan, a == b)


def _crossed(one: tuple[Ints, Ints, int], other: tuple[Ints, Ints, int]) -> tuple[Ints, Ints, int]:
    size = other[2]
    return one[0] * size + other[0], one[1] * size + other[1], one[2] * size


def _evenly(rows: int, most: int) -> Ints:
    return np.linspace(0, rows - 1, min(rows, most)).astype(np.int64)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _on_line(at: Floats, labels: Floats, values: Floats) -> Floats:
    """The labels of values between those where they are known; NaN of a missing one."""
    known = ~np.isnan(at)
    places, which = np.unique(at[known], return_inverse=True)
    if not len(places):
        return np.full(len(values), np.nan)
    means = np.bincount(which, labels[known]) / np.bincount(which)
    return np.interp(values, places, means)


def _edges(values: Floats, most: int) -> Floats:
    """Where cells begin: at each value where they are few, else at so many quantiles."""
    distinct: Floats = np.unique(values[~np.isnan(values)])
    if len(distinct) <= most:
        return distinct
    places = np.linspace(0, len(distinct) - 1, most).astype(np.int64)
    return distinct[places]


def _cells(values: Floats, edges: Floats) -> Ints:
    missing = np.isnan(values)
    return np.where(missing, 0, np.searchsorted(edges, values, side="right") + 1)
