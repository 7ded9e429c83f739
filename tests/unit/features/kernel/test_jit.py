"""Compiling where nothing can be cached."""

import numpy as np

from mainspring.features.kernel.jit import entry_point


def test_a_function_that_cannot_be_cached_is_compiled_all_the_same() -> None:
    # Numba finds no place for the cache of a function that has no file, as for one whose
    # directories are all read-only.
    names: dict[str, object] = {}
    exec(compile("def fill(cells):\n    cells[0] = 7\n", "<no file>", "exec"), names)
    cells = np.zeros(1, dtype=np.int64)
    entry_point(names["fill"], cells)(cells)
    assert cells[0] == 7
