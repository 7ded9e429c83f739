"""The environment of a fit: the interpreter, the machine, and the versions of the packages that its
results depend on.

Equal fits in environments of the same digest give the same bits; in another one a replay compares
within a tolerance.
"""

import dis
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from types import FunctionType, ModuleType

from mainspring.registry.version import FitEnvironment
from mainspring.training.spec import FitFunction

__all__ = ["observe_environment"]

# Recorded wherever they are installed: features, fits and exports go through them whether or not
# the user's module imports them.
_NUMERIC = {
    "lightgbm": "lightgbm",
    "numba": "numba",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "polars": "polars",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
}


def observe_environment(fit: FitFunction) -> FitEnvironment:
    """The environment of this process: numeric packages, and all that the fit function's module or
    its own body imports.

    Cost: 5 ms; 150 ms more when a module is named otherwise than its distribution.
    """
    imported = (
        {name.partition(".")[0] for name in _imported_by(fit)}
        - _NUMERIC.keys()
        - {"mainspring", ""}
    )
    distributions = {
        *_NUMERIC.values(),
        *(name for module in imported for name in _distributions_of(module)),
    }
    return FitEnvironment(
        python=platform.python_version(),
        system=platform.system(),
        machine=platform.machine(),
        packages={name: version for name in sorted(distributions) if (version := _version(name))},
    )


def _imported_by(fit: FitFunction) -> Iterator[str]:
    """Names of modules that the function can reach: through its module's globals, and by imports in
    its own body.
    """
    if not isinstance(fit, FunctionType):
        yield type(fit).__module__
        return
    for value in fit.__globals__.values():
        yield (
            value.__name__
            if isinstance(value, ModuleType)
            else str(getattr(value, "__module__", None) or "")
        )
    yield from (
        str(step.argval) for step in dis.get_instructions(fit) if step.opname == "IMPORT_NAME"
    )


def _distributions_of(module: str) -> list[str]:
    """The distributions that this top-level module comes from: none for the standard library's and
    the user's own.
    """
    if module in sys.stdlib_module_names:
        return []
    if _version(module):
        return [module]
    # The full table of modules costs 150 ms; the user's own modules do not lie among installed ones
    # and need not ask it.
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return metadata.packages_distributions().get(module, []) if "-packages" in file else []


@cache
def _version(distribution: str) -> str:
    """What is installed does not change while a process runs; asking takes 4 ms."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
