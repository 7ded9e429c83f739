"""Reads Python files as syntax trees and measures what the house style limits.  Nothing here is
imported or run.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

__all__ = [
    "ROOT",
    "SRC",
    "Function",
    "PythonFile",
    "depth",
    "documented_methods",
    "line_count",
    "python_files",
    "undocumented",
]

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

# Statements that open a level: one more thing that a reader holds in mind.
LEVELS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)
COMPILED = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "compiled_part", "whole_part"}


@dataclass(frozen=True)
class PythonFile:
    """One source file: its path, its text and its tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        """The dotted name under `src`, without `__init__`."""
        parts = self.path.relative_to(SRC).with_suffix("").parts
        return ".".join(part for part in parts if part != "__init__")

    @property
    def package(self) -> str:
        """The package right under `mainspring` that the file belongs to, or nothing for the root's
        own files.
        """
        parts = self.path.relative_to(SRC).parts
        return parts[1] if len(parts) > 2 else ""

    @property
    def lines(self) -> list[str]:
        """The text by lines; `lines[0]` is line 1."""
        return self.text.splitlines()

    def at(self, node: ast.stmt | ast.expr | ast.excepthandler) -> str:
        """`path:line` of a node."""
        return f"{self.name}:{node.lineno}"

    def functions(self) -> Iterator["Function"]:
        """Every function and method, nested ones too."""
        yield from _functions(self, self.tree, within=None)


@dataclass(frozen=True)
class Function:
    """A function or method where it stands."""

    file: PythonFile
    node: FunctionNode
    is_method: bool

    @property
    def at(self) -> str:
        """`path:line name`."""
        return f"{self.file.at(self.node)} {self.node.name}"

    @property
    def positional_count(self) -> int:
        """Parameters that may be given by position, without self or cls."""
        names = [arg.arg for arg in [*self.node.args.posonlyargs, *self.node.args.args]]
        return len(names) - (self.is_method and names[:1] in (["self"], ["cls"]))

    @property
    def is_compiled(self) -> bool:
        """Whether numba compiles it; numba knows no keyword-only parameters."""
        names = [
            node
            for decorator in self.node.decorator_list
            for node in ast.walk(decorator)
            if isinstance(node, ast.Name | ast.Attribute)
        ]
        used = {node.id if isinstance(node, ast.Name) else node.attr for node in names}
        return bool(used & COMPILED)


def _functions(file: PythonFile, node: ast.AST, *, within: ast.AST | None) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            yield Function(file, child, is_method=isinstance(within, ast.ClassDef))
        inside = child if isinstance(child, (ast.ClassDef, *FUNCTIONS)) else within
        yield from _functions(file, child, within=inside)


@cache
def python_files(*folders: str) -> tuple[PythonFile, ...]:
    """All Python files under these folders of the repository, sorted by path; a folder that does
    not exist has none.
    """
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    texts = [(path, path.read_text(encoding="utf-8")) for path in paths]
    return tuple(PythonFile(path, text, ast.parse(text, str(path))) for path, text in texts)


def line_count(node: FunctionNode) -> int:
    """Lines from `def` to the end, without the docstring."""
    first = node.body[0]
    documented = ast.get_docstring(node, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def depth(node: ast.AST) -> int:
    """How deep statements nest inside; `elif` continues its `if`, and a nested function starts
    anew.
    """
    return max(
        (
            _depth_of(child, node)
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, (ast.ClassDef, *FUNCTIONS))
        ),
        default=0,
    )


def _depth_of(child: ast.AST, parent: ast.AST) -> int:
    is_elif = isinstance(child, ast.If) and isinstance(parent, ast.If) and parent.orelse == [child]
    return depth(child) + (isinstance(child, LEVELS) and not is_elif)


def documented_methods(trees: Iterable[ast.Module]) -> Mapping[str, frozenset[str]]:
    """The methods that have a docstring, by the name of their class."""
    return {
        owner.name: frozenset(
            child.name
            for child in owner.body
            if isinstance(child, FUNCTIONS) and ast.get_docstring(child) is not None
        )
        for tree in trees
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
    }


def undocumented(
    node: ast.Module | ast.ClassDef, documented: Mapping[str, frozenset[str]] = MappingProxyType({})
) -> Iterator[ast.ClassDef | FunctionNode]:
    """Public classes, functions and methods without a docstring; overloads and property setters
    speak through their first form, and a method through the one that it overrides.

    Args:
        documented: the methods that have a docstring, by the name of their class.
    """
    overridden: set[str] = set()
    for base in node.bases if isinstance(node, ast.ClassDef) else ():
        overridden |= documented.get(base.id, frozenset()) if isinstance(base, ast.Name) else set()
    for child in node.body:
        if not isinstance(child, (ast.ClassDef, *FUNCTIONS)) or child.name.startswith("_"):
            continue
        if child.name in overridden:
            continue
        decorators = {
            d.id if isinstance(d, ast.Name) else d.attr
            for d in child.decorator_list
            if isinstance(d, ast.Name | ast.Attribute)
        }
        if ast.get_docstring(child) is None and not decorators & {"overload", "setter", "deleter"}:
            yield child
        if isinstance(child, ast.ClassDef):
            yield from undocumented(child, documented)
