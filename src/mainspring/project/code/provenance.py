"""Where a function, a class or a module comes from: an imported module that holds it under its own
name, or text that was run in another way.
"""

import sys
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)

__all__ = [
    "imported_name",
    "is_generated",
    "is_held_somewhere",
    "is_made_by_call",
    "is_made_module",
    "is_reachable",
    "is_run_as_text",
]

_DESCRIPTORS = (MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType)
_MADE_WHILE_RUNNING = 1 << 9 | 1 << 10
_IMMUTABLE = 1 << 8
"""Of the flags of a class: Python's `Py_TPFLAGS_HEAPTYPE` with `BASETYPE`, and `IMMUTABLETYPE`.  A
class of C that a module makes when it is imported has not both, or has the third.
"""


def imported_name(value: object) -> tuple[str, str] | None:
    """The module and the name that say what it is: of a class, a function of C, or what is found
    under its own name in an imported module.
    """
    if isinstance(value, _DESCRIPTORS):
        return value.__objclass__.__module__, value.__qualname__
    if isinstance(value, type):
        return None if is_made_by_call(value) else (value.__module__, value.__qualname__)
    if isinstance(value, BuiltinFunctionType):
        is_bound = not isinstance(value.__self__, ModuleType | None)
        return None if is_bound else (value.__module__ or "", value.__qualname__)
    if not callable(value):
        return None
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and is_reachable(value, module, name):
        return module, name
    return None


def is_made_by_call(cls: type) -> bool:
    """Whether a class was made by a call such as `type(...)` or `make_dataclass(...)`, or by text
    that was run, so that no module says what it is.
    """
    flags = cls.__flags__ & (_MADE_WHILE_RUNNING | _IMMUTABLE)
    if flags != _MADE_WHILE_RUNNING or not _is_nowhere(cls.__module__):
        return False
    return not is_reachable(cls, cls.__module__, cls.__qualname__)


def is_generated(value: object, module: str) -> bool:
    """Whether it is of what `collections.namedtuple` writes into a class of its own."""
    function = getattr(value, "__func__", value)
    is_written = isinstance(function, FunctionType) and function.__globals__["__name__"] == module
    return is_written or type(value).__name__ == "_tuplegetter"


def is_made_module(module: ModuleType) -> bool:
    """Whether a module was made by a call, and no import finds it."""
    is_imported = sys.modules.get(module.__name__) is module
    return type(module) is ModuleType and not is_imported and _is_nowhere(module.__name__)


def is_run_as_text(function: FunctionType) -> bool:
    """Whether a function was made by text that was run, so that no module says what it is."""
    file = function.__code__.co_filename
    module = str(function.__globals__.get("__name__") or "")
    is_text = file.startswith("<") and not file.startswith("<frozen ")
    if not _is_nowhere(module) or not (is_text or module.partition(".")[0] not in sys.modules):
        return False
    return not is_reachable(function, module, function.__qualname__)


def is_reachable(value: object, module: str, qualified_name: str) -> bool:
    """Whether an object is what an imported module holds under this name."""
    holder = sys.modules.get(module)
    found: object = holder
    for name in qualified_name.split("."):
        found = vars(found).get(name) if hasattr(found, "__dict__") else None
    return found is value


def is_held_somewhere(value: object, name: str) -> bool:
    """Whether any imported module holds an object under this name."""
    # Anything may stand there, None too.
    return any(
        getattr(module, "__dict__", {}).get(name) is value for module in [*sys.modules.values()]
    )


def _is_nowhere(module: str) -> bool:
    """Whether a name of a module says nothing of where a thing was made: the standard library makes
    classes and functions for others, and of a module that was not imported nothing is known.
    """
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top not in sys.modules
