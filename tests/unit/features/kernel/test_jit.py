"""Compiling where nothing can be cached."""

import numpy as np

from mainspring.features.kernel.jit import compiled_part, entry_point


def test_a_function_that_cannot_be_cached_is_compiled_all_the_same() -> None:
    # Numba finds no place for the cache of a function that has no file, as for one whose
    # directories are all read-only.
    names: dict[str, object] = {}
    exec(compile("def fill(cells):\n    cells[0] = 7\n", "<no file>", "exec"), names)
    cells = np.zeros(1, dtype=np.int64)
    entry_point(names["fill"], cells)(cells)
    assert cells[0] == 7


def test_a_part_is_machine_code_only_within_its_entry() -> None:
    @compiled_part
    def doubled(number):
        return 2 * number

    def fill(cells):
        cells[0] = doubled(cells[0])

    cells = np.array([21], dtype=np.int64)
    entry_point(fill, cells)(cells)
    assert cells[0] == 42
    [part] = doubled.overloads.values()
    assert part.library.get_pointer_to_function(part.fndesc.mangled_name) == 0
