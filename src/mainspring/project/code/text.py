"""Python text in words that its layout does not change: functions, lambdas and whole modules.

Comments, docstrings, positions and the order of keyword arguments are not in these words; of a
module neither is the order of its definitions, nor what it says to Mainspring, which is in the
fingerprints of those declarations.
"""

import ast
import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

__all__ = [
    "ModuleText",
    "Routine",
    "assigned_names",
    "attribute_paths",
    "class_of",
    "imports_inside",
    "inner_statements",
    "is_silent",
    "line_of",
    "module_form",
    "normal_form",
    "parse_module",
    "routine_form",
    "routine_of",
    "without_decorators",
]

_VOLATILE_CALLS = frozenset(
    {
        *("getpid", "mkdtemp", "mkstemp", "monotonic", "now", "perf_counter", "time", "time_ns"),
        *("today", "token_bytes", "token_hex", "urandom", "utcnow", "uuid1", "uuid4"),
    }
)

_GENERATORS = frozenset({"Generator", "Random", "RandomState", "default_rng"})
_SEEDED = re.compile(rf"({'|'.join(sorted(_GENERATORS))})\([^)]")

Routine = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_NAMED_ROUTINES = (ast.FunctionDef, ast.AsyncFunctionDef)
_Span = tuple[int | None, int | None, int | None, int | None]


@dataclass(frozen=True, eq=False)
class ModuleText:
    """A module's tree, with its functions at hand.

    Args:
        functions: by name and first line, which is that of the first decorator.
        platform: the names that stand for Mainspring or for what was declared with it.
        volatile: the names whose value may be another one in every process, such as the time, each
            with all the statements that bind it.
    """

    tree: ast.Module
    functions: Mapping[tuple[str, int], ast.FunctionDef | ast.AsyncFunctionDef]
    lambdas: Sequence[ast.Lambda]
    platform: frozenset[str]
    volatile: Mapping[str, tuple[ast.stmt, ...]]


@lru_cache(maxsize=256)
def parse_module(text: str) -> ModuleText:
    """The module of a text.  Raises: SyntaxError."""
    tree = ast.parse(text)
    nodes, platform = list(ast.walk(tree)), _platform_names(tree)
    return ModuleText(
        tree=tree,
        functions={
            (node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])): node
            for node in nodes
            if isinstance(node, _NAMED_ROUTINES)
        },
        lambdas=[node for node in nodes if isinstance(node, ast.Lambda)],
        platform=platform,
        volatile=_volatile_names(tree.body),
    )


def routine_of(module: ModuleText, code: CodeType) -> Routine | None:
    """The tree that a code object was compiled from."""
    named = module.functions.get((code.co_name, code.co_firstlineno))
    if named is not None or code.co_name != "<lambda>":
        return named
    # What it runs lies within its body, and within no body further inside.
    spans = {span for span in code.co_positions() if span[0] and span[2] != span[3]}
    around = [each for each in module.lambdas if spans and all(_holds(each, s) for s in spans)]
    return max(around, key=lambda each: (each.body.lineno, each.body.col_offset), default=None)


@lru_cache(maxsize=4096)
def routine_form(module: ModuleText, routine: Routine) -> str:
    """A function of a module in normal form, without what it says to Mainspring."""
    return normal_form(without_decorators(routine, module.platform))


def class_of(module: ModuleText, name: str) -> ast.ClassDef | None:
    """The last class of this name in a module."""
    found = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    return found[-1] if found else None


def normal_form(tree: ast.AST) -> str:
    """The tree as text without docstrings, positions, the order of keyword arguments, and that of
    the undecorated methods of a class.

    >>> normal_form(ast.parse("f(b=1, a=2)  # why")) == normal_form(ast.parse("f(a=2,  b=1)"))
    True
    """
    return ast.dump(_Normal().visit(copy.deepcopy(tree)), include_attributes=False)


def without_decorators(routine: Routine, platform: frozenset[str] | None = None) -> Routine:
    """A function without its decorators, or only without those that speak to Mainspring: the one
    that declares a model holds its gates, which are policy.  And without its name: whoever uses it
    says that, and a model that is called by its function may be renamed.
    """
    if isinstance(routine, ast.Lambda):
        return routine
    stripped = copy.copy(routine)
    stripped.name = ""
    stripped.decorator_list = [
        decorator
        for decorator in routine.decorator_list
        if platform is not None and not _loaded(decorator) & platform
    ]
    return stripped


def module_form(module: ModuleText) -> dict[str, object]:
    """A whole module: what each name is bound to, by name, and what is done besides, in order."""
    bound: dict[str, list[str]] = {}
    acts: list[str] = []
    for statement in module.tree.body:
        parts = list(_bindings(statement, module.platform))
        for name, part in parts:
            bound.setdefault(name, []).append(normal_form(part))
        if _is_registered(statement, module.platform):
            # Decorators may put functions into a register, in the order in which they stand.
            acts.append(f"decorated {parts[0][0]}")
        elif not parts and not is_silent(statement, module.platform):
            acts.append(normal_form(statement))
    return {"names": dict(sorted(bound.items())), "acts": acts}


def imports_inside(module: ModuleText) -> ast.Module:
    """The imports that the functions of a module make when they run."""
    at_once = set(module.tree.body)
    found = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in at_once
    ]
    return ast.Module([*found], [])


def line_of(module: ModuleText, names: set[str]) -> int:
    """The line where a module binds one of these names; 1 where it does so in no plain way."""
    lines = (each.lineno for each in module.tree.body if names & set(assigned_names(each)))
    return next(lines, 1)


def attribute_paths(tree: ast.AST) -> dict[str, set[tuple[str, ...]]]:
    """The attributes that are read of each name, as paths; the empty path where the name is used by
    itself.

    >>> attribute_paths(ast.parse("lib.knobs.GAIN + len(lib)"))["lib"] == {("knobs", "GAIN"), ()}
    True
    """
    found: dict[str, set[tuple[str, ...]]] = {}
    inner: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Name) or id(node) in inner:
            continue
        path: list[str] = []
        root: ast.expr = node
        while isinstance(root, ast.Attribute):
            path.append(root.attr)
            root = root.value
            inner.add(id(root))
        if isinstance(root, ast.Name):
            found.setdefault(root.id, set()).add(tuple(reversed(path)))
    return found


def _platform_names(tree: ast.Module) -> frozenset[str]:
    """The names of a module that stand for Mainspring, or are bound by what mentions it."""
    found = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        for alias in _aliases_of_platform(node)
    }
    for statement in tree.body:
        if found and _loaded(statement) & found:
            found |= set(assigned_names(statement))
    return frozenset(found)


class _Normal(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.ClassDef):
            methods = [part for part in node.body if _is_plain_method(part)]
            others = [part for part in node.body if not _is_plain_method(part)]
            node.body = [*others, *sorted(methods, key=lambda part: getattr(part, "name", ""))]
        if isinstance(node, ast.Call) and all(keyword.arg for keyword in node.keywords):
            node.keywords.sort(key=lambda keyword: keyword.arg or "")
        return node


def _is_plain_method(part: ast.stmt) -> bool:
    return isinstance(part, _NAMED_ROUTINES) and not part.decorator_list


def _bindings(statement: ast.stmt, platform: frozenset[str]) -> Iterator[tuple[str, ast.AST]]:
    """The names that a statement binds, each with the part that says to what."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield statement.name, without_decorators(statement, platform)
        case ast.ClassDef():
            yield statement.name, statement
        case ast.Import() | ast.ImportFrom():
            for alias in statement.names:
                name = alias.asname or alias.name
                if name.partition(".")[0] not in platform:
                    one = copy.copy(statement)
                    one.names = [alias]
                    yield name, one
        case _ if (names := assigned_names(statement)) and not _loaded(statement) & platform:
            yield " ".join(sorted(names)), statement


def assigned_names(statement: ast.stmt) -> list[str]:
    """The names that an assignment binds; none where it sets anything else too."""
    match statement:
        case ast.Assign(targets=targets):
            places: Sequence[ast.expr] = targets
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            places = [target]
        case ast.Delete(targets=targets):
            places = targets
        case _:
            return []
    nodes = [node for place in places for node in ast.walk(place)]
    if any(isinstance(node, ast.Attribute | ast.Subscript) for node in nodes):
        return []
    return [node.id for node in nodes if isinstance(node, ast.Name)]


def _aliases_of_platform(node: ast.AST) -> list[ast.alias]:
    match node:
        case ast.Import(names=names):
            return [alias for alias in names if alias.name.partition(".")[0] == "mainspring"]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            return names if module.partition(".")[0] == "mainspring" else []
        case _:
            return []


def _volatile_names(body: Iterable[ast.stmt]) -> dict[str, tuple[ast.stmt, ...]]:
    bound: dict[str, list[ast.stmt]] = {}
    for statement in body:
        for name in assigned_names(statement):
            bound.setdefault(name, []).append(statement)
    return {
        name: tuple(statements)
        for name, statements in bound.items()
        if any(_is_volatile(node) for statement in statements for node in ast.walk(statement))
    }


def _is_volatile(node: ast.AST) -> bool:
    """Whether it asks for the time, for randomness, or for a name that is not given twice."""
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    *module, name = called.split(".")
    if name == "time" and (node.args or node.keywords):
        # `datetime.time(9, 30)` is a value like any other.
        return False
    is_drawn = "random" in module and name not in _GENERATORS and not _SEEDED.search(called)
    return is_drawn or name in _VOLATILE_CALLS


def _loaded(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def is_silent(statement: ast.stmt, platform: frozenset[str]) -> bool:
    """Whether a statement does nothing, speaks to Mainspring, or runs in a script only."""
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Import() | ast.ImportFrom():
            return True
        case ast.If(test=test) if "__name__" in _loaded(test):
            return True
        case _:
            return bool(_loaded(statement) & platform)


def _is_registered(statement: ast.stmt, platform: frozenset[str]) -> bool:
    return isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and any(
        not _loaded(decorator) & platform for decorator in statement.decorator_list
    )


def inner_statements(statement: ast.If | ast.Try | ast.With) -> list[ast.stmt]:
    """The statements of all branches."""
    bodies = [statement.body, getattr(statement, "orelse", []), getattr(statement, "finalbody", [])]
    bodies += [handler.body for handler in getattr(statement, "handlers", [])]
    return [inner for body in bodies for inner in body]


def _holds(function: ast.Lambda, span: _Span) -> bool:
    body, (line, end_line, column, end) = function.body, span
    starts = (body.lineno, body.col_offset) <= (line or 0, column or 0)
    return starts and (end_line or 0, end or 0) <= (body.end_lineno or 0, body.end_col_offset or 0)
