"""How the kernel's functions are compiled, and the edition that names their source.

A cache that looks at the file of the compiled entry alone would silently keep serving old machine
code after a change in a function that the entry calls from another file.  The edition, a digest
over every source file of this package, closes that hole: it is a part of the name under which
machine code is stored, and the entry captures it.

A function that is only ever a part of an entry is neither optimised nor turned into machine code by
itself (`PartCode`).  Numba does both for every function, with all that it calls linked in; what the
innermost parts are made of was compiled again for each of some ten callers above them, and thrown
away each time.
"""

import sys
from collections.abc import Callable, Mapping
from typing import ParamSpec, Protocol, TypeVar, cast

import numba
from llvmlite import ir
from numba.core import types
from numba.core.caching import FunctionCache, NullCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.serialize import dumps
from numba.core.typeinfer import register_dispatcher
from numba.extending import intrinsic

from mainspring.features.kernel.edition import kernel_edition
from mainspring.features.kernel.machine_code import MachineCode

__all__ = [
    "allocating_part",
    "at",
    "bare_entry",
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
        self, *signature: object, **options: bool | str | type
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """A decorator that compiles, at once when there is a signature."""


class Dispatcher(Protocol):
    """The parts of numba's dispatcher that compile for one signature and no other."""

    _cache: object
    overloads: "Mapping[object, Compiled]"

    def compile(self, signature: object) -> object:
        """Compile, or load what is stored."""

    def disable_compile(self) -> None:
        """From now on other arguments are refused."""


class Compiled(Protocol):
    """What the dispatcher compiled for one signature."""

    entry_point: object


class CacheOfFiles(Protocol):
    """Numba's cache of a function: what reads and writes its files can be replaced."""

    _cache_file: object


njit = cast("Jit", numba.njit)
cache_of = cast("Callable[[object], CacheOfFiles]", FunctionCache)
serialise = cast("Callable[[object], bytes]", dumps)
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


class NoEnvironment:
    """Stands for the code generator where numba would note the environment of a part."""

    def set_env(self, _name: str, _environment: object) -> None:
        """Nothing to note: it has no place in memory."""


class PartCode(JITCodeLibrary):
    """The code of a part as it is linked into whatever calls it: each function cleaned up, and no
    more.
    """

    # What is overridden are steps of numba 0.68; the caller links the part in and goes through them
    # with the whole.
    def _optimize_final_module(self) -> None:
        """Left to the entry, which optimises the whole."""

    def _finalize_final_module(self) -> None:
        """Ready to be linked; nothing goes into memory."""
        self._finalized = True

    def get_pointer_to_function(self, _name: str) -> int:
        """There is none."""
        return 0

    @property
    def codegen(self) -> NoEnvironment:
        """What numba asks to note the environment."""
        return NoEnvironment()


class PartCompiler(Compiler):
    """Compiles a function into `PartCode`."""

    def compile_extra(self, function: Callable[P, R]) -> object:
        """Numba's own way, into another kind of library."""
        self.state.library = part_code(self.state.targetctx.codegen(), function.__qualname__)
        return compile_as_numba(self, function)


part_code = cast("Callable[[object, str], PartCode]", PartCode)
compile_as_numba = cast("Callable[[Compiler, object], object]", Compiler.compile_extra)


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
        pipeline_class=PartCompiler,
    )(function)


def whole_part(function: Callable[P, R]) -> Callable[P, R]:
    """A large part that stays a function of its own, called once for many facts: as fast as one
    that is inlined, and sooner compiled.
    """
    return njit(
        nogil=True,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        _nrt=False,
        pipeline_class=PartCompiler,
    )(function)


def allocating_part(function: Callable[P, R]) -> Callable[P, R]:
    """A part of the entry point that makes arrays."""
    return njit(
        nogil=True,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        pipeline_class=PartCompiler,
    )(function)


def entry_point(function: Callable[P, R], *examples: object) -> Callable[P, R]:
    """Compile for arguments of the examples' types now, or load the machine code that this user
    stored (see `machine_code`).  Where another process compiles the same function, wait for it.
    """
    signature = types.void(*(type_of(example) for example in examples))
    compiled = njit(nogil=True, error_model="numpy")(function)
    dispatcher = cast("Dispatcher", compiled)
    name = f"{function.__module__}.{function.__qualname__} {kernel_edition()} {numba.__version__}"
    stored = MachineCode(f"{name} {sys.version}", serialise=serialise)
    dispatcher._cache = _numba_cache(function, stored)
    with stored.alone(), register_dispatcher(dispatcher):
        dispatcher.compile(signature)
        dispatcher.disable_compile()
    return compiled


def bare_entry(entry: Callable[P, R]) -> Callable[P, R]:
    """The machine code of an entry point, without the dispatcher that finds it by the types of the
    arguments: 0.3 µs less for each call.

    For callers whose arguments always have the types of the examples: no more is looked at than how
    many dimensions arrays have, and how large their items are.
    """
    [compiled] = cast("Dispatcher", entry).overloads.values()
    return cast("Callable[P, R]", compiled.entry_point)


def _numba_cache(function: Callable[P, R], stored: MachineCode) -> object:
    """Numba's cache of one function, with its reading and writing of files replaced."""
    try:
        replaced = cache_of(function)
    except RuntimeError as failure:
        # Numba wants a folder of its own, in which it stores nothing now; without one it is not
        # asked to.
        if "cannot cache function" not in str(failure):
            raise
        return NullCache()
    replaced._cache_file = stored
    return replaced
