"""How the kernel's functions are compiled, and the edition that names their source.

A cache that looks at the file of the compiled entry alone would silently keep serving old machine
code after a change in a function that the entry calls from another file.  The edition, a digest
over every source file of this package, closes that hole: it is a part of the name under which
machine code is stored, and the entry captures it.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar, cast

import numba
from llvmlite import ir
from numba.core import types
from numba.core.caching import FunctionCache, NullCache
from numba.core.typeinfer import register_dispatcher
from numba.extending import intrinsic

from mainspring.features.kernel.machine_code import MachineCode

__all__ = [
    "allocating_part",
    "at",
    "bit_length",
    "bits_of_double",
    "compiled_part",
    "double_of_bits",
    "entry_point",
    "kernel_edition",
    "whole_part",
]

P = ParamSpec("P")
R = TypeVar("R")


class Jit(Protocol):
    """`numba.njit` as it is: its stub leaves out the options on wrappers and on the allocator."""

    def __call__(
        self, *signature: object, **options: bool | str
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """A decorator that compiles, at once when there is a signature."""


class Dispatcher(Protocol):
    """The parts of numba's dispatcher that compile for one signature and no other."""

    _cache: object

    def compile(self, signature: object) -> object:
        """Compile, or load what is stored."""

    def disable_compile(self) -> None:
        """From now on other arguments are refused."""


class CacheOfFiles(Protocol):
    """Numba's cache of a function: what reads and writes its files can be replaced."""

    _cache_file: object


njit = cast("Jit", numba.njit)
cache_of = cast("Callable[[object], CacheOfFiles]", FunctionCache)
type_of = cast("Callable[[object], types.Type]", numba.typeof)


Codegen = Callable[[object, ir.IRBuilder, object, list[ir.Value]], ir.Value]


def reinterpret(given: types.Type, wanted: types.Type, shape: ir.Type) -> tuple[object, Codegen]:
    """The signature and the code of a function that keeps the bits of its argument and changes
    their type.
    """

    def keep_bits(
        _context: object, builder: ir.IRBuilder, _signature: object, values: list[ir.Value]
    ) -> ir.Value:
        return builder.bitcast(values[0], shape)

    return wanted(given), keep_bits


def as_double(_context: object, _bits: object) -> tuple[object, Codegen]:
    """How `double_of_bits` is typed and compiled."""
    return reinterpret(types.int64, types.float64, ir.DoubleType())


def as_bits(_context: object, _double: object) -> tuple[object, Codegen]:
    """How `bits_of_double` is typed and compiled."""
    return reinterpret(types.float64, types.int64, ir.IntType(64))


double_of_bits = cast("Callable[[int], float]", intrinsic(as_double))
"""The double that has these 64 bits; in compiled parts only."""

bits_of_double = cast("Callable[[float], int]", intrinsic(as_bits))
"""The 64 bits of a double; in compiled parts only."""


def as_bit_length(_context: object, _number: object) -> tuple[object, Codegen]:
    """How `bit_length` is typed and compiled."""

    def count(
        _context: object, builder: ir.IRBuilder, _signature: object, values: list[ir.Value]
    ) -> ir.Value:
        return builder.sub(
            ir.Constant(ir.IntType(64), 64), builder.ctlz(values[0], ir.Constant(ir.IntType(1), 0))
        )

    return types.int64(types.int64), count


bit_length = cast("Callable[[int], int]", intrinsic(as_bit_length))
"""Bits in a number that is not negative, 0 for 0; in compiled parts only."""


def as_index(_context: object, _number: object) -> tuple[object, Codegen]:
    """How `at` is typed and compiled."""
    return reinterpret(types.int64, types.uint64, ir.IntType(64))


at = cast("Callable[[int], int]", intrinsic(as_index))
"""An index that is not negative; in compiled parts only.  It spares numba the look whether to count
from the end: a quarter of the time of tight loops.
"""


def compiled_part(function: Callable[P, R]) -> Callable[P, R]:
    """A function that becomes a part of the entry point, not callable from Python, without access
    to numba's allocator.

    Without the allocator numba counts no references, and inlined nothing is passed: together five
    times the speed of the default at half the compile time.
    """
    return njit(
        nogil=True,
        error_model="numpy",
        forceinline=True,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        _nrt=False,
    )(function)


def whole_part(function: Callable[P, R]) -> Callable[P, R]:
    """A large part that stays a function of its own, called once for many facts: as fast as one
    that is inlined, and sooner compiled.
    """
    return njit(
        nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False
    )(function)


def allocating_part(function: Callable[P, R]) -> Callable[P, R]:
    """A part of the entry point that makes arrays."""
    return njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(
        function
    )


def entry_point(function: Callable[P, R], *examples: object) -> Callable[P, R]:
    """Compile for arguments of the examples' types now, or load the machine code that this user
    stored (see `machine_code`).
    """
    signature = types.void(*(type_of(example) for example in examples))
    compiled = njit(nogil=True, error_model="numpy")(function)
    dispatcher = cast("Dispatcher", compiled)
    dispatcher._cache = _stored_code(function)
    with register_dispatcher(dispatcher):
        dispatcher.compile(signature)
        dispatcher.disable_compile()
    return compiled


def _stored_code(function: Callable[P, R]) -> object:
    """Numba's cache of one function, with its reading and writing of files replaced."""
    try:
        cache = cache_of(function)
    except RuntimeError as failure:
        # Numba wants a folder of its own, in which it stores nothing now; without one it is not
        # asked to.
        if "cannot cache function" not in str(failure):
            raise
        return NullCache()
    name = f"{function.__module__}.{function.__qualname__} {kernel_edition()} {numba.__version__}"
    cache._cache_file = MachineCode(f"{name} {sys.version}")
    return cache


def kernel_edition() -> int:
    """A 62-bit digest of the kernel's source files."""
    digest = hashlib.sha256()
    # Every file, comments included: coarse, but no list of dependencies can be out of date.
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:8], "big") >> 2
