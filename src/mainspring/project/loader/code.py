"""The code that a fit uses, in words that its layout does not change: what a build fingerprint
covers of it.

A function is its syntax tree without comments, docstrings, decorators and positions, and with
keyword arguments in order of their names.  What it refers to is followed through the project's own
modules: functions and classes by their trees, module-level constants and closure values by value
where they are plain, else by the expression that made them.  Other packages are named with their
version.  Names of files and modules of the project are not in it, so moving code is no change.
Where a function's text is not to be had (an interactive prompt), its bytecode stands in.

What is not seen: a function chosen by a computed name, a file read while fitting.
"""

import ast
import copy
import dis
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from inspect import unwrap
from types import CodeType, FunctionType, ModuleType

from mainspring.elements.expression.build import Expr
from mainspring.features.spec import Entity
from mainspring.project.kinds.asset import ProjectCode, is_declaration

__all__ = ["describe_function", "normal_form", "packages_used"]

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_Routine = ast.FunctionDef | ast.AsyncFunctionDef


def describe_function(
    function: object, code: ProjectCode, versions: Mapping[str, str]
) -> list[object]:
    """The function and all of the project's code that it refers to, as JSON; the function itself
    comes first.

    Args:
        versions: of other packages, by the name they are imported under.
    """
    walk = _Walk(code, versions)
    walk.visit(function)
    return walk.words


def packages_used(functions: Iterable[object], code: ProjectCode) -> tuple[str, ...]:
    """The packages outside the project and the standard library that these functions refer to, by
    import name, sorted.
    """
    walk = _Walk(code, {})
    for function in functions:
        walk.visit(function)
    return tuple(sorted(walk.packages))


def normal_form(tree: ast.AST) -> str:
    """The tree as text without docstrings, positions and the order of keyword arguments.

    >>> normal_form(ast.parse("f(b=1, a=2)  # why")) == normal_form(ast.parse("f(a=2,  b=1)"))
    True
    """
    return ast.dump(_Normal().visit(copy.deepcopy(tree)), include_attributes=False)


class _Normal(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if (
            isinstance(node, _Routine | ast.ClassDef | ast.Module)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.Call) and all(keyword.arg for keyword in node.keywords):
            node.keywords.sort(key=lambda keyword: keyword.arg or "")
        return node


class _Walk:
    """Follows references, gives each thing that it meets a place in `words`, and answers by place
    from then on, so that recursion ends.
    """

    def __init__(self, code: ProjectCode, versions: Mapping[str, str]) -> None:
        self._code, self._versions = code, versions
        self._places: dict[int, int] = {}
        self._alive: list[object] = []
        self.words: list[object] = []
        self.packages: set[str] = set()

    def visit(self, value: object) -> object:
        """What a name stands for: in words, or as a place among the words."""
        value = unwrap(value) if callable(value) and not isinstance(value, type) else value
        match value:
            case ModuleType():
                return self._module(value)
            case FunctionType() if self._is_ours(value):
                return self._place(value, lambda: self._function(value))
            case type() if value.__module__ in self._code.modules:
                return self._place(value, lambda: self._class(value))
            case Expr():
                return {"expression": repr(value.node)}
            case _ if is_declaration(value) or isinstance(value, Entity):
                return {"declaration": getattr(value, "name", "")}
            case _ if _is_plain(value):
                return {"value": _plain(value)}
            case _ if isinstance(origin := getattr(value, "__module__", None), str) and hasattr(
                value, "__qualname__"
            ):
                return self._package(origin) | {"name": str(value.__qualname__)}
            case _:
                return self._place(value, lambda: self._made(value))

    def _is_ours(self, function: FunctionType) -> bool:
        return (
            function.__code__.co_filename in self._code.texts
            or function.__module__ in self._code.modules
        )

    def _place(self, value: object, words: Callable[[], object]) -> object:
        if id(value) not in self._places:
            place = self._places[id(value)] = len(self.words)
            self._alive.append(value)
            self.words.append(None)
            self.words[place] = words()
        return {"place": self._places[id(value)]}

    def _function(self, function: FunctionType) -> object:
        tree = _routine(self._code.texts.get(function.__code__.co_filename, ""), function)
        closure = {
            name: _content(cell)
            for name, cell in zip(
                function.__code__.co_freevars, function.__closure__ or (), strict=True
            )
        }
        scope = {**function.__globals__, **closure}
        if tree is None:
            return {
                "bytecode": _bytecode(function.__code__),
                "defaults": repr(function.__defaults__),
                "uses": self._uses(scope, _names(function.__code__), []),
            }
        names = {*_names(function.__code__), *closure, *_loaded(tree.args)}
        return {"code": normal_form(_bare(tree)), "uses": self._uses(scope, names, [tree])}

    def _class(self, cls: type) -> object:
        module = self._code.modules[cls.__module__]
        tree = _definition(self._text_of(module), cls.__name__)
        if tree is None:
            return {"class": cls.__qualname__}
        return {"code": normal_form(tree), "uses": self._uses(vars(module), _loaded(tree), [tree])}

    def _module(self, module: ModuleType) -> object:
        if module.__name__ not in self._code.modules:
            return self._package(module.__name__)
        return self._place(module, lambda: {"code": normal_form(_parsed(self._text_of(module)))})

    def _made(self, value: object) -> object:
        """A module-level object that is not plain data: the expression that made it, and what that
        refers to.
        """
        for module in self._code.modules.values():
            for name, held in vars(module).items():
                tree = _assigned(self._text_of(module), name) if held is value else None
                if tree is not None:
                    return {
                        "code": normal_form(tree),
                        "uses": self._uses(vars(module), _loaded(tree), [tree]),
                    }
        return {"made_by": type(value).__qualname__}

    def _uses(
        self, scope: Mapping[str, object], names: Iterable[str], trees: list[ast.AST]
    ) -> dict[str, object]:
        """What the names stand for; of the project's own modules only those attributes that are
        read.
        """
        found: dict[str, object] = {}
        for name in sorted(set(names)):
            if name not in scope:
                continue
            value = scope[name]
            if isinstance(value, ModuleType) and value.__name__ in self._code.modules:
                read = {attribute for tree in trees for attribute in _attributes(tree, name)}
                found |= {
                    f"{name}.{attribute}": self.visit(getattr(value, attribute))
                    for attribute in sorted(read)
                    if hasattr(value, attribute)
                }
            else:
                found[name] = self.visit(value)
        return found

    def _package(self, module: str) -> dict[str, object]:
        package = module.partition(".")[0]
        if package in sys.stdlib_module_names:
            return {"module": module}
        self.packages.add(package)
        return {"module": module, "version": self._versions.get(package, "")}

    def _text_of(self, module: ModuleType) -> str:
        return self._code.texts.get(getattr(module, "__file__", None) or "", "")


def _is_plain(value: object) -> bool:
    match value:
        case tuple() | list() | set() | frozenset():
            return all(_is_plain(item) for item in value)
        case dict():
            return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
        case _:
            return isinstance(value, _PLAIN)


def _plain(value: object) -> str:
    """Python's notation, with sets in order and dicts as they stand; equal text means equal value
    of equal type.
    """
    match value:
        case set() | frozenset():
            return f"{type(value).__name__}({sorted(map(_plain, value))})"
        case tuple() | list():
            return f"{type(value).__name__}({[_plain(item) for item in value]})"
        case dict():
            return f"dict({[(_plain(key), _plain(item)) for key, item in value.items()]})"
        case _:
            return repr(value)


def _content(cell: object) -> object:
    """What a closure holds; a name that is not yet bound holds None."""
    try:
        return cell.cell_contents  # type: ignore[attr-defined]
    except ValueError:
        return None


def _names(code: CodeType) -> Iterator[str]:
    """The global names that a function and the functions inside it read."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _bytecode(code: CodeType) -> list[object]:
    constants = [_bytecode(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return [
        code.co_code.hex(),
        constants[1:] if code.co_name != "<lambda>" and code.co_consts[:1] else constants,
        list(code.co_names),
    ]


def _loaded(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _attributes(tree: ast.AST, module: str) -> set[str]:
    """The attributes that are read of a name."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == module
    }


def _bare(tree: _Routine) -> ast.AST:
    """A function without its decorators: the one that declares a model holds its gates, which are
    policy.  And without its name: whoever calls it says that, and a model that is called by its
    function may be renamed.
    """
    bare = copy.copy(tree)
    bare.decorator_list, bare.name = [], ""
    return bare


def _routine(text: str, function: FunctionType) -> _Routine | None:
    """The tree of a function, found by its first line, which is that of its first decorator."""
    for node in ast.walk(_parsed(text)):
        if isinstance(node, _Routine) and node.name == function.__name__:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first == function.__code__.co_firstlineno:
                return node
    return None


def _definition(text: str, name: str) -> ast.ClassDef | None:
    return next(
        (
            node
            for node in ast.walk(_parsed(text))
            if isinstance(node, ast.ClassDef) and node.name == name
        ),
        None,
    )


def _assigned(text: str, name: str) -> ast.expr | None:
    """The expression that a module last binds to a name."""
    found: ast.expr | None = None
    for node in _parsed(text).body:
        match node:
            case ast.Assign(targets=targets, value=value) if any(
                isinstance(t, ast.Name) and t.id == name for t in targets
            ):
                found = value
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if (
                target == name
            ):
                found = value
    return found


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)
