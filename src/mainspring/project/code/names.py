"""What the names in a piece of code stand for: values that stand in imported modules, what import
statements inside it will bind, and what other packages give.
"""

import ast
import builtins
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import resolve_name
from types import ModuleType

from mainspring.project.code.provenance import imported_name
from mainspring.project.code.text import attribute_paths
from mainspring.project.kinds.asset import ProjectCode

__all__ = ["Foreign", "Names", "Unloaded"]


@dataclass(frozen=True)
class Foreign:
    """A module of another package, or what it holds under a name."""

    module: str
    name: str = ""

    @property
    def package(self) -> str:
        """What it is installed as a part of, by the name of its import."""
        return self.module.partition(".")[0]

    @property
    def last(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Unloaded:
    """A module of the project that is imported when the code runs, and was not yet."""

    name: str


class Names:
    """The names of one piece of code.

    Args:
        package: that relative imports start from.
        values: the names of its module, and those that a function closes over.
        tree: its text; None where there is none.
    """

    def __init__(
        self, code: ProjectCode, package: str, *, values: Mapping[str, object], tree: ast.AST | None
    ) -> None:
        self._code, self._package, self._values = code, package, values
        nodes = list(ast.walk(tree)) if tree is not None else []
        self._local = {*_iter_local_names(nodes)}
        self.paths = attribute_paths(tree) if tree is not None else {}
        self._asked: list[str] = []
        self.imported: dict[str, list[object]] = {}
        """What imports inside the code bind, by name; all that may stand for it."""
        for node in nodes:
            for name, target in self._bindings(node):
                self.imported.setdefault(name, []).append(target)
        for node in nodes:
            self._import_by_name(node)

    def iter_uses(self, names: Iterable[str]) -> Iterator[tuple[str, object]]:
        """What each name stands for, and all that imports bind; of the project's own modules only
        those attributes that are read.
        """
        for name in sorted({*names, *self.imported}):
            held = [self._values[name]] if name in self._values else []
            for value in [*self.imported.get(name, []), *held]:
                for path in sorted(self.paths.get(name, {()})):
                    yield self._follow(value, name, path)

    def foreign(self, expression: ast.expr) -> Foreign | None:
        """What an expression such as `pd.read_csv` names in another package, or None."""
        path: list[str] = []
        while isinstance(expression, ast.Attribute):
            path.insert(0, expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name):
            return None
        name = expression.id
        candidates = self._candidates(name)
        if not candidates:
            is_builtin = hasattr(builtins, name) and name not in self._local
            return Foreign("builtins", ".".join([name, *path])) if is_builtin else None
        key, value = self._follow(candidates[0], name, tuple(path))
        return _foreign(value, path[key.count(".") :])

    def value(self, expression: ast.expr) -> object:
        """What a name, or an attribute of one of the project's modules or of a class, stands for;
        None where that is not known.
        """
        path: list[str] = []
        while isinstance(expression, ast.Attribute):
            path.insert(0, expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name) or not (found := self._candidates(expression.id)):
            return None
        key, value = self._follow(found[0], expression.id, tuple(path))
        for attribute in path[key.count(".") :]:
            value = vars(value).get(attribute) if isinstance(value, type) else None
        return value

    def modules(self) -> Iterator[str]:
        """The imported modules of the project that the code imports, with those around them."""
        for name in self._asked:
            parts = name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))

    def _candidates(self, name: str) -> list[object]:
        if name in self.imported:
            return self.imported[name]
        return [self._values[name]] if name in self._values and name not in self._local else []

    def _follow(self, value: object, name: str, path: tuple[str, ...]) -> tuple[str, object]:
        """Walk along attributes for as long as they are those of the project's modules."""
        for attribute in path:
            if not isinstance(value, ModuleType) or not self._code.owns(value.__name__):
                break
            found = self._attribute(value, attribute)
            if found is None:
                break
            name, [value] = f"{name}.{attribute}", found
        return name, value

    def _attribute(self, module: ModuleType, name: str) -> list[object] | None:
        """What a module of the project holds under a name, or would import for it."""
        if name in vars(module):
            return [vars(module)[name]]
        below = self._module(f"{module.__name__}.{name}")
        if not isinstance(below, Foreign):
            return [below]
        return [vars(module)["__getattr__"]] if "__getattr__" in vars(module) else None

    def _module(self, name: str) -> object:
        if name in self._code.modules:
            return self._code.modules[name]
        return Unloaded(name) if self._code.files.module(name) else Foreign(name)

    def _bindings(self, node: ast.AST) -> Iterator[tuple[str, object]]:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield from self._whole(alias.name, alias.asname)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                name = self._absolute("." * level + (module or ""))
                for alias in aliases:
                    yield from self._part(name, alias.name, alias.asname or alias.name)

    def _whole(self, name: str, alias: str | None) -> Iterator[tuple[str, object]]:
        """`import a.b.c` runs all three and binds the first; with a name, it binds the last."""
        self._asked.append(name)
        bound = alias or name.partition(".")[0]
        yield from ((bound, each) for each in self._iter_unloaded(name))
        held, whole = self._module(name.partition(".")[0]), self._module(name)
        # A folder without `__init__.py` is no module that could be looked at.
        is_folder = isinstance(held, Foreign) and not isinstance(whole, Foreign)
        yield bound, whole if alias or is_folder else held

    def _part(self, module: str, name: str, bound: str) -> Iterator[tuple[str, object]]:
        """`from module import name`."""
        self._asked.append(f"{module}.{name}")
        yield from ((bound, each) for each in self._iter_unloaded(f"{module}.{name}"))
        held = self._module(module)
        if isinstance(held, ModuleType):
            found = [held] if name == "*" else self._attribute(held, name)
            yield from ((bound, each) for each in found or ())
        elif isinstance(held, Foreign) and isinstance(self._module(f"{module}.{name}"), Foreign):
            yield bound, Foreign(module, name)
        elif isinstance(submodule := self._module(f"{module}.{name}"), ModuleType):
            yield bound, submodule

    def _iter_unloaded(self, name: str) -> Iterator[Unloaded]:
        """The modules that an import of this one runs for the first time."""
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            module = self._module(".".join(parts[:length]))
            if isinstance(module, Unloaded):
                yield module

    def _import_by_name(self, node: ast.AST) -> None:
        """`importlib.import_module("a.b")` and `sys.modules["a.b"]`, where the name is known."""
        match node:
            case ast.Call(func=function) if self.foreign(function) in _IMPORTERS:
                name, package = self.imported_by(node)
            case ast.Subscript(value=value, slice=key) if self.foreign(value) == _IMPORTED:
                name, package = self.text(key), None
            case _:
                return
        if name is not None:
            whole = self._absolute(name, package)
            found = [*self._iter_unloaded(whole), self._module(whole)]
            self.imported.setdefault(f"import {whole}", []).extend(found)

    def text(self, node: ast.expr) -> str | None:
        """The text that an expression is, where it stands there or a module's name holds it."""
        value = node.value if isinstance(node, ast.Constant) else self.value(node)
        return value if isinstance(value, str) else None

    def imported_by(self, call: ast.Call) -> tuple[str | None, str | None]:
        """The module that `importlib.import_module(name, package)` imports, and the package that a
        relative name starts from; None for what is not known.
        """
        given = dict(zip(("name", "package"), call.args, strict=False))
        given |= {each.arg: each.value for each in call.keywords if each.arg}
        name, package = (
            self.text(given[part]) if part in given else None for part in ("name", "package")
        )
        return name, package

    def _absolute(self, name: str, package: str | None = None) -> str:
        try:
            return resolve_name(name, package or self._package)
        except (ImportError, ValueError):
            # Beyond the top of the project; the import fails when it is made.
            return name.lstrip(".")


_IMPORTED = Foreign("sys", "modules")
_IMPORTERS = (Foreign("importlib", "import_module"), Foreign("builtins", "__import__"))


def _foreign(value: object, path: list[str]) -> Foreign | None:
    match value:
        case Foreign(module=module, name=name):
            return Foreign(module, ".".join([*([name] if name else []), *path]))
        case ModuleType():
            return Foreign(value.__name__, ".".join(path))
        case Unloaded():
            return None
        case _ if value is os.environ:
            return Foreign("os", ".".join(["environ", *path]))
        case _:
            named = imported_name(value)
            return Foreign(named[0], ".".join([named[1], *path])) if named else None


def _iter_local_names(nodes: list[ast.AST]) -> Iterator[str]:
    """Names that the code itself binds, other than by an import."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
