"""What a module does to the world when it is imported, beyond what its names show afterwards: it
calls functions, sets something in other packages, or registers with them what it defines.

A statement that stands for itself is there for what it does, so any call of another package or of a
function of the project counts.  One that binds a name is mostly there for the value, and counts
only where something that it calls says by its name that it sets something, as in
`old = np.seterr(...)` or `@pl.api.register_dataframe_namespace("shop")`.
"""

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType

from mainspring.project.code.names import Foreign, Names
from mainspring.project.code.text import (
    Routine,
    assigned_names,
    inner_statements,
    is_silent,
    parse_module,
    routine_of,
)
from mainspring.project.kinds.asset import ProjectCode

__all__ = ["Acts"]

_SETTERS = frozenset(
    {
        *("configure", "disable", "enable", "filterwarnings", "implements", "install", "manual"),
        *("overload", "patch", "register", "simplefilter", "threadpool", "use"),
    }
)
_SETTING_PREFIXES = ("seed", "set")
_SETTING_BUILTINS = frozenset({"delattr", "setattr"})
_MAKERS = ("__init__", "__new__", "__post_init__")
_DEEPEST = 5
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Acts:
    """Finds the acts among the statements of one module, or of one function.

    Args:
        platform: the names that stand for Mainspring.
        depth: how many calls lie between the module and this function.
    """

    code: ProjectCode
    names: Names
    platform: frozenset[str] = frozenset()
    depth: int = 0

    def among(self, body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        """The statements that reach beyond the names of their module."""
        for statement in body:
            if is_silent(statement, self.platform):
                continue
            match statement:
                case ast.If() | ast.Try() | ast.With():
                    is_act = any(self.among(inner_statements(statement)))
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    is_act = any(map(self._registers, statement.decorator_list))
                case _ if (bound := assigned_names(statement)) and "_" not in bound:
                    is_act = self._sets(statement)
                case _:
                    is_act = self._reaches_out(statement)
            if is_act:
                yield statement

    def _reaches_out(self, statement: ast.AST) -> bool:
        return any(
            self._is_setting(node, is_bare=True) or self._is_store(node)
            for node in ast.walk(statement)
        )

    def _sets(self, tree: ast.AST) -> bool:
        return any(self._is_setting(node, is_bare=False) for node in ast.walk(tree))

    def _registers(self, decorator: ast.expr) -> bool:
        called = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
        return self._sets(called)

    def _is_store(self, node: ast.AST) -> bool:
        """Whether a node sets something in another package."""
        match node:
            case (
                ast.Attribute(value=owner, ctx=ast.Store())
                | ast.Subscript(value=owner, ctx=ast.Store())
            ):
                return self.names.foreign(owner) is not None
            case _:
                return False

    def _is_setting(self, node: ast.AST, *, is_bare: bool) -> bool:
        """Whether a node is a call that does more than give a value."""
        if not isinstance(node, ast.Call):
            return False
        called = self.names.foreign(node.func)
        if called is None:
            return self._is_setting_ours(node.func, is_bare=is_bare)
        if called.module == "builtins":
            return called.name in _SETTING_BUILTINS and self._is_strange(node.args[:1])
        return is_bare or _is_setter(called)

    def _is_setting_ours(self, called: ast.expr, *, is_bare: bool) -> bool:
        """As `_is_setting`, of a function, a class or a method of the project."""
        value = self.names.value(called)
        if isinstance(value, FunctionType):
            return (is_bare and not self.depth) or self._acts_inside(value, is_bare=is_bare)
        if isinstance(value, type):
            makers = [inspect.getattr_static(value, name, None) for name in _MAKERS]
            return any(self._acts_inside(maker, is_bare=is_bare) for maker in makers)
        if not isinstance(called, ast.Attribute):
            return False
        owner = self._owner(called.value)
        if isinstance(owner, type) and not any(called.attr in vars(base) for base in owner.__mro__):
            # Of its metaclass: what it sets is nowhere among the members of the class.
            return is_bare and hasattr(owner, called.attr)
        method = inspect.getattr_static(owner, called.attr, None) if owner is not None else None
        return self._acts_inside(method, is_bare=is_bare)

    def _owner(self, expression: ast.expr) -> object:
        """What a method is called on: an object, or the class of one that is made there."""
        is_made = isinstance(expression, ast.Call)
        value = self.names.value(
            expression.func if isinstance(expression, ast.Call) else expression
        )
        return None if is_made and not isinstance(value, type) else value

    def _is_strange(self, owners: list[ast.expr]) -> bool:
        """Whether what is set belongs to another package, or is not known."""
        return any(
            self.names.foreign(owner) is not None or self.names.value(owner) is None
            for owner in owners
        )

    def _acts_inside(self, function: object, *, is_bare: bool) -> bool:
        """Whether the body of a function of the project does more than give a value."""
        function = getattr(function, "__func__", function)
        if not isinstance(function, FunctionType) or self.depth >= _DEEPEST:
            return False
        tree = _routine(function, self.code)
        if tree is None or isinstance(tree, ast.Lambda):
            return False
        scope: Mapping[str, object] = function.__globals__
        package = str(scope.get("__package__") or "")
        names = Names(self.code, package, values=scope, tree=tree)
        within = Acts(self.code, names, depth=self.depth + 1)
        nodes = [node for node in ast.walk(tree) if not isinstance(node, _NAMED)]
        stated = [node for node in nodes if isinstance(node, ast.Expr)] if is_bare else []
        return any(
            within._is_store(node) or within._is_setting(node, is_bare=False) for node in nodes
        ) or any(map(within._reaches_out, stated))


def _routine(function: FunctionType, code: ProjectCode) -> Routine | None:
    text = code.texts.get(function.__code__.co_filename)
    return routine_of(parse_module(text), function.__code__) if text is not None else None


def _is_setter(called: Foreign) -> bool:
    first_word = called.last.partition("_")[0]
    return first_word in _SETTERS or called.last.startswith(_SETTING_PREFIXES)
