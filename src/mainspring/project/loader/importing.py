"""Imports the modules of one project, apart from those of any other and without what they do not
use yet.

- **Isolation.**  Two projects may both have a module `features`.  While one is imported, names that
  its folder holds are taken out of `sys.modules`; after that its modules are taken out and what
  stood there is put back.  They live on in what is returned.  An import inside a fit function runs
  later, in a process that holds `importing_from` open.
- **Bare expressions.**  `ms.Endpoint(...)` has no variable.  The loader stores the value of every
  call that stands alone at module level, so that no declaration needs to register itself somewhere
  when it is made.
- **Postponed.**  `import lightgbm as lgb` takes seconds and is of use to a fit only.  A plain
  import of another package at module level is made when an attribute is first read; `from
  lightgbm import ...` asks at once.
- **Edits.**  Text is compiled on every load and no bytecode is read or written: two edits within
  the same second would look equal to Python's cache.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import TypeVar

__all__ = ["BARE_EXPRESSIONS", "importing_from", "module_file"]

BARE_EXPRESSIONS = "__declared__"
"""The list in every module that holds what its bare calls made."""

_POSTPONED = "__postponed__"
_NOT_OURS = frozenset({*sys.stdlib_module_names, "mainspring", "__main__"})


@contextmanager
def importing_from(root: Path) -> Iterator[Mapping[str, ModuleType]]:
    """Let modules of a project's folder be imported under their own names until the block ends.

    Yields the modules imported so far, by name.  What had those names before is put back at the
    end, so two projects do not meet.
    """
    finder = _ProjectFinder(root)
    hidden = {name: module for name, module in sys.modules.items() if finder.holds(name)}
    for name in hidden:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        yield finder.loaded
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if finder.holds(name)]:
            del sys.modules[name]
        sys.modules.update(hidden)


def module_file(root: Path, name: str) -> Path | None:
    """The file of a module in a project's folder, or None."""
    place = root.joinpath(*name.split("."))
    files = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((file for file in files if file.is_file()), None)


class _ProjectFinder(MetaPathFinder):
    """Finds modules in one folder; the standard library, Mainspring itself and whatever the folder
    does not hold are left to others.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tops: dict[str, bool] = {}
        self.loaded: dict[str, ModuleType] = {}

    def holds(self, name: str) -> bool:
        """Whether a module of this name would come from the folder."""
        top = name.partition(".")[0]
        if top not in self._tops:
            self._tops[top] = top not in _NOT_OURS and (
                (self._root / f"{top}.py").is_file() or any((self._root / top).glob("**/*.py"))
            )
        return self._tops[top]

    def is_foreign(self, name: str) -> bool:
        """Whether a module is of another package, not imported so far, that can be found."""
        top = name.partition(".")[0]
        if name in sys.modules or top in _NOT_OURS or self.holds(name):
            return False
        return PathFinder.find_spec(top) is not None

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The module in the folder, a package with or without `__init__.py`, or None.  `path` says
        nothing that the name does not.
        """
        if not self.holds(fullname):
            return None
        place = self._root.joinpath(*fullname.split("."))
        if (file := module_file(self._root, fullname)) is not None:
            return spec_from_file_location(
                fullname,
                file,
                loader=_Loader(fullname, str(file), self),
                submodule_search_locations=[str(place)] if file.stem == "__init__" else None,
            )
        return (
            PathFinder.find_spec(fullname, [str(place.parent)], target) if place.is_dir() else None
        )


class _Loader(SourceFileLoader):
    """Compiles the file as it is now, rewritten."""

    def __init__(self, fullname: str, path: str, finder: "_ProjectFinder") -> None:
        super().__init__(fullname, path)
        self._finder = finder

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, compiled from its text; no bytecode is read or written."""
        path = self.get_filename(fullname)
        tree = _Rewriting(self._finder.is_foreign).visit(ast.parse(self.get_data(path), path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        self._finder.loaded[module.__name__] = module
        vars(module).update({BARE_EXPRESSIONS: [], _POSTPONED: _PostponedModule})
        super().exec_module(module)


class _Rewriting(ast.NodeTransformer):
    """Keeps what bare calls at module level make, and postpones imports there; what functions and
    classes do stays theirs.
    """

    def __init__(self, is_postponed: Callable[[str], bool]) -> None:
        self._is_postponed = is_postponed

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        """`ms.Endpoint(...)` becomes `__declared__.append(ms.Endpoint(...))`."""
        if isinstance(node.value, ast.Call):
            keep = ast.Attribute(ast.Name(BARE_EXPRESSIONS, ast.Load()), "append", ast.Load())
            node.value = _at(node, ast.Call(_at(node, keep), [node.value], []))
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        """`import lightgbm as lgb` becomes `lgb = __postponed__("lightgbm")`."""
        return [self._import(node, alias) for alias in node.names]

    def _import(self, node: ast.Import, alias: ast.alias) -> ast.stmt:
        is_whole = alias.asname is not None or "." not in alias.name
        if not is_whole or not self._is_postponed(alias.name):
            return _at(node, ast.Import([alias]))
        call = ast.Call(ast.Name(_POSTPONED, ast.Load()), [ast.Constant(alias.name)], [])
        return _at(node, ast.Assign([ast.Name(alias.asname or alias.name, ast.Store())], call))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Left as it is."""
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        """Left as it is."""
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Left as it is."""
        return node

    def visit_Try(self, node: ast.Try) -> ast.Try:
        """Left as it is: who tries an import wants to know now."""
        return node


class _PostponedModule(ModuleType):
    """Stands for a package until an attribute is read."""

    def __getattr__(self, name: str) -> object:
        real = import_module(self.__name__)
        self.__dict__.update(real.__dict__)
        return getattr(real, name)


_Tree = TypeVar("_Tree", bound=ast.AST)


def _at(place: ast.AST, tree: _Tree) -> _Tree:
    """The tree, standing where another one stood."""
    return ast.fix_missing_locations(ast.copy_location(tree, place))
