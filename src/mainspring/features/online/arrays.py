"""Features of a request as arrays of NumPy: of numbers, times and booleans the kernel's own words,
without a Python value in between.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mainspring.elements.schema import DType
from mainspring.elements.time import Micros
from mainspring.features.answers import typed_words
from mainspring.features.kernel.arrays import Bytes, Floats, Ints
from mainspring.features.kernel.tree.packed import result_bits, result_flags
from mainspring.features.online.point import answer_words
from mainspring.features.online.read import distinct_query, query_of
from mainspring.features.physical import Value
from mainspring.features.view import CompiledView
from mainspring.ports.online import OnlineReader

__all__ = ["FeatureArray", "array_of_values", "view_arrays", "word_arrays"]

_STORED = {
    DType.FLOAT64: np.float64,
    DType.BOOLEAN: np.bool_,
    DType.INT64: np.int64,
    DType.TIMESTAMP: np.int64,
    DType.DURATION: np.int64,
}


Values: TypeAlias = Floats | Ints | NDArray[np.bool_] | NDArray[np.object_]


class FeatureArray(NamedTuple):
    """A feature of several rows.

    Shapes: values (rows,) float64, int64 (instants and lengths of time in microseconds), bool, or
        objects for texts and lists; present (rows,) False where the value is null, and then what
        stands in `values` means nothing.
    """

    values: Values
    present: NDArray[np.bool_]


def view_arrays(
    view: CompiledView,
    online: OnlineReader,
    keys: Mapping[str, Sequence[Value]],
    *,
    at: Sequence[Micros],
) -> dict[str, FeatureArray] | None:
    """Every feature of a view by name, or None where it takes more than one read of one shard.

    Raises: FEA-002 when a time lies before what is kept.
    """
    rows = len(at)
    if not rows or not view.answers_words or view.partitions > 1 or view.lookups:
        return None
    query = query_of(view, keys, at)
    distinct = distinct_query(query)
    answer = answer_words(view, online, view.shard, distinct)
    if answer is None:
        return None
    results, outputs, requests = answer[0], len(view.outputs), len(distinct.codes)
    bits, flags = (
        result_bits(results, outputs, requests),
        result_flags(results, outputs, requests),
    )
    if distinct is not query:
        places = np.array(query.codes, dtype=np.int64)
        bits, flags = bits[:, places], flags[:, places]
    return {
        name: found
        for first, entity in zip(range(0, len(query.codes), rows), view.view.entities, strict=True)
        for name, found in zip(
            view.names_of(entity),
            word_arrays(view, bits[:, first : first + rows], flags[:, first : first + rows]),
            strict=True,
        )
    }


def word_arrays(view: CompiledView, bits: Ints, flags: Bytes) -> list[FeatureArray]:
    """The array of each output of a view that answers in words.

    Shapes: bits and flags (outputs, rows).
    """
    every: list[FeatureArray | None] = [None] * len(view.outputs)
    present = flags.view(np.bool_)
    for dtype, places in view.places_by_type:
        typed = typed_words(dtype, bits)
        for place in range(len(every))[places] if isinstance(places, slice) else places:
            every[place] = FeatureArray(typed[place], present[place])
    return [each for each in every if each is not None]


def array_of_values(values: Sequence[Value], dtype: DType) -> FeatureArray:
    """An array of values as Python has them."""
    present = np.array([value is not None for value in values], dtype=np.bool_)
    stored = _STORED.get(dtype)
    if stored is None:
        objects = np.empty(len(values), dtype=object)
        objects[:] = [None] * len(values)
        for place, value in enumerate(values):
            objects[place] = value
        return FeatureArray(objects, present)
    return FeatureArray(
        np.array([0 if value is None else value for value in values], dtype=stored), present
    )
