"""How a user writes aggregates: `col("dep_delay").clip(-30, 240).mean(where=col("carrier") ==
"UA")`.

Nulls do not count, and neither do facts for which `where` is false or null.  What is said of
nothing is said of a window in which no fact counts.
"""

from collections.abc import Sequence
from typing import Protocol

from mainspring.elements.expression.aggregation import (
    Aggregation,
    AggregationName,
    AggregationParameter,
    OutOfRange,
)
from mainspring.elements.expression.tree import Node, Scalar
from mainspring.elements.time import parse_duration

__all__ = ["Aggregable", "Expression", "condition_of"]


class Expression(Protocol):
    """What has a node: in practice an `Expr`."""

    node: Node


def condition_of(where: Expression | None) -> Node | None:
    """The node of a condition; TypeError for what is no expression, such as a text that only looks
    like one.
    """
    if where is not None and not isinstance(where, Aggregable):
        raise TypeError(
            f"where={where!r} is no expression; write a condition on columns, such as "
            f'col("amount") > 1'
        )
    return where.node if where is not None else None


class Aggregable:
    """An expression as seen by what is made of its values in a window."""

    node: Node

    def count(self, *, where: Expression | None = None) -> Aggregation:
        """How many values are not null."""
        return self._aggregate("count", where)

    def count_if(self) -> Aggregation:
        """How many facts this condition is true of."""
        return Aggregation("count", None, self.node)

    def sum(self, *, where: Expression | None = None) -> Aggregation:
        """The exact sum, rounded once; 0 of nothing."""
        return self._aggregate("sum", where)

    def mean(self, *, where: Expression | None = None) -> Aggregation:
        """The exact mean, rounded once; null of nothing; of a boolean the share that is true."""
        return self._aggregate("mean", where)

    def var(self, *, where: Expression | None = None) -> Aggregation:
        """The exact variance of a sample (n - 1), rounded once; null of fewer than two."""
        return self._aggregate("var", where)

    def std(self, *, where: Expression | None = None) -> Aggregation:
        """The square root of the variance; null of fewer than two."""
        return self._aggregate("std", where)

    def min(self, *, where: Expression | None = None) -> Aggregation:
        """The least value; null of nothing; texts compare by their UTF-8 bytes."""
        return self._aggregate("min", where)

    def max(self, *, where: Expression | None = None) -> Aggregation:
        """The greatest value; null of nothing; texts compare by their UTF-8 bytes."""
        return self._aggregate("max", where)

    def first(self, *, where: Expression | None = None) -> Aggregation:
        """The value of the oldest event that has one, by (event time, source, id)."""
        return self._aggregate("first", where)

    def last(self, *, where: Expression | None = None) -> Aggregation:
        """The value of the newest event that has one, by (event time, source, id)."""
        return self._aggregate("last", where)

    def any(self, *, where: Expression | None = None) -> Aggregation:
        """Whether a boolean is true of any fact; false of nothing."""
        return self._aggregate("any", where)

    def all(self, *, where: Expression | None = None) -> Aggregation:
        """Whether a boolean is false of no fact; true of nothing."""
        return self._aggregate("all", where)

    def first_k(self, k: int, *, where: Expression | None = None) -> Aggregation:
        """The values of the k oldest events that have one, oldest first; [] of nothing."""
        return self._aggregate("first_k", where, k=k)

    def last_k(self, k: int, *, where: Expression | None = None) -> Aggregation:
        """The values of the k newest events that have one, oldest first; [] of nothing."""
        return self._aggregate("last_k", where, k=k)

    def top_k(self, k: int, *, where: Expression | None = None) -> Aggregation:
        """The k greatest values, greatest first; [] of nothing."""
        return self._aggregate("top_k", where, k=k)

    def bottom_k(self, k: int, *, where: Expression | None = None) -> Aggregation:
        """The k least values, least first; [] of nothing."""
        return self._aggregate("bottom_k", where, k=k)

    def count_distinct(
        self,
        *,
        limit: int = 10_000,
        beyond: OutOfRange = "saturate",
        where: Expression | None = None,
    ) -> Aggregation:
        """How many different values there are; 0 of nothing.

        Args:
            limit: the answer is exact up to here.
            beyond: what it is above: `saturate` says `limit`, `approximate` estimates as
                `approx_count_distinct` does, with texts told apart by a 64-bit hash of them.
        """
        return self._aggregate("count_distinct", where, limit=limit, beyond=beyond)

    def approx_count_distinct(
        self, *, precision: int = 12, where: Expression | None = None
    ) -> Aggregation:
        """About how many different values there are (HyperLogLog); 0 of nothing.

        Args:
            precision: 2^precision registers, 4 to 16; the standard error is 1.04 /
                sqrt(2^precision), 1.6 % at 12.
        """
        return self._aggregate("approx_count_distinct", where, precision=precision)

    def quantile(self, q: float, *, where: Expression | None = None) -> Aggregation:
        """The value at rank q in [0, 1], within a relative error of 2^-7; null of nothing."""
        return self._aggregate("quantile", where, q=q)

    def quantiles(self, qs: Sequence[float], *, where: Expression | None = None) -> Aggregation:
        """The values at several ranks in one list, each as `quantile` gives it; null of nothing."""
        return self._aggregate("quantiles", where, qs=tuple(qs))

    def histogram(self, edges: Sequence[float], *, where: Expression | None = None) -> Aggregation:
        """How many values lie in (-inf, e0), [e0, e1), … [en, inf): one count more than edges,
        zeros of nothing.
        """
        return self._aggregate("histogram", where, edges=tuple(edges))

    def value_counts(
        self, values: Sequence[Scalar], *, where: Expression | None = None
    ) -> Aggregation:
        """How often each of these values occurs, and last how often any other does; zeros of
        nothing.
        """
        return self._aggregate("value_counts", where, values=tuple(values))

    def time_since_last(self, *, where: Expression | None = None) -> Aggregation:
        """How long before the prediction time the newest event that has a value happened; null of
        nothing.
        """
        return self._aggregate("time_since_last", where)

    def ewma(self, *, half_life: str, where: Expression | None = None) -> Aggregation:
        """The mean weighted by age: a value that is `half_life` older counts half; null of nothing.
        *Ordered*: folded in total order.
        """
        return self._aggregate("ewma", where, half_life=parse_duration(half_life))

    def skew(self, *, where: Expression | None = None) -> Aggregation:
        """The skewness of the values (population g1); null of fewer than three, or where all are
        equal.  *Ordered*.
        """
        return self._aggregate("skew", where)

    def kurt(self, *, where: Expression | None = None) -> Aggregation:
        """The excess kurtosis of the values (population g2); null of fewer than four, or where all
        are equal.  *Ordered*.
        """
        return self._aggregate("kurt", where)

    def _aggregate(
        self, name: AggregationName, where: Expression | None, **parameters: AggregationParameter
    ) -> Aggregation:
        return Aggregation(name, self.node, condition_of(where), tuple(parameters.items()))
