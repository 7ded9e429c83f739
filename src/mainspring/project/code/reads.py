"""Where following a fit's code ends: files, variables of the environment, networks and programs
that it reads, and names that are computed only when it runs.

Judged by the text alone.  What is read while a module is imported is no end: its value is known.
"""

import ast
from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

from mainspring.project.code.names import Foreign, Names

__all__ = ["BlindSpot", "iter_blind_spots"]


class BlindSpot(NamedTuple):
    """One place where following ends.

    Args:
        what: in words that go on from "the fit".
        file: the name of the file that is read, where it stands in the text; "" where a file is
            read whose name is computed; None where it is no file.
        is_hidden: whether something may be used that is not followed; a name that is computed among
            names that are all followed hides nothing.
    """

    line: int
    what: str
    file: str | None = None
    is_hidden: bool = True


_DEEPEST = 5
_IMPORTS_COMPUTED = "imports a module whose name is computed"
_FILE_METHODS = frozenset({"glob", "iterdir", "open", "read_bytes", "read_text", "rglob"})
_FILE_CALLS = frozenset(
    {
        *("fromfile", "genfromtxt", "load", "loadtxt", "load_model", "memmap", "open"),
        *("connect", "create_engine", "from_file", "get_data", "InferenceSession"),
        *("TarFile", "ZipFile"),
    }
)
_FOLDERS = frozenset(
    {
        *(("os", "listdir"), ("os", "scandir"), ("os", "walk")),
        *(("glob", "glob"), ("glob", "iglob"), ("importlib", "files")),
    }
)
_FILE_PREFIXES = ("read_", "scan_")
# They read from what is open already, and that was opened by a call of its own.
_READS_WHAT_IS_OPEN = frozenset({"csv", "json", "marshal", "pickle", "toml", "tomllib", "yaml"})
_NETWORK = frozenset({"aiohttp", "ftplib", "httpx", "requests", "socket", "urllib", "urllib3"})
_PARSES_ONLY = frozenset({"urllib.parse"})
_PROGRAMS = frozenset({("os", "popen"), ("os", "system")})
_CODE = frozenset({"compile", "eval", "exec"})
_LOOKUPS = frozenset({"globals", "locals", "vars"})


def iter_blind_spots(tree: ast.AST, names: Names) -> Iterator[BlindSpot]:
    """The places in a piece of code where following ends, in the order of the text."""
    literals = _Literals(names, _assigned_texts(tree))
    said: set[ast.expr] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function):
                said |= {*_iter_chain(function)}
                yield from _of_call(node, names.foreign(function), literals)
            case ast.Subscript(value=value, slice=key) if _is_environment(names.foreign(value)):
                said.add(value)
                yield BlindSpot(node.lineno, _variable(key))
            case ast.Subscript(value=value, slice=key) if _is_modules(names.foreign(value)):
                is_hidden = names.text(key) is None
                yield BlindSpot(node.lineno, _IMPORTS_COMPUTED, is_hidden=is_hidden)
            case ast.Attribute() | ast.Name() if node not in said:
                if _is_environment(names.foreign(node)):
                    yield BlindSpot(node.lineno, _variable(None))


def _iter_chain(node: ast.expr) -> Iterator[ast.expr]:
    """`a.b.c`, `a.b` and `a`."""
    yield node
    if isinstance(node, ast.Attribute):
        yield from _iter_chain(node.value)


class _Literals(NamedTuple):
    """Finds the text that an expression is, or ends with, where it is known."""

    names: Names
    assigned: dict[str, ast.expr]

    def text(self, node: ast.expr | None, depth: int = 0) -> str | None:
        """The text, or None."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name) if name in self.assigned and depth < _DEEPEST:
                return self.text(self.assigned[name], depth + 1)
            case ast.Name() | ast.Attribute():
                value = self.names.value(node)
                return str(value) if isinstance(value, str | PurePath) else None
            case ast.Call(func=ast.Attribute(value=start, attr="joinpath"), args=parts):
                return self._joined([start, *parts], depth)
            case ast.Call(args=[_, *_] as parts):
                return self._joined(parts, depth)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined([left, right], depth)
            case _:
                return None

    def _joined(self, parts: list[ast.expr], depth: int) -> str | None:
        """A path from its parts, or as much of its end as is known."""
        if depth >= _DEEPEST:
            return None
        known: list[str] = []
        for part in reversed(parts):
            text = self.text(part, depth + 1)
            if text is None:
                break
            known.insert(0, text)
        return str(PurePath(*known)) if known else None


def _of_call(call: ast.Call, called: Foreign | None, literals: _Literals) -> Iterator[BlindSpot]:
    line = call.lineno
    if called is None:
        if isinstance(call.func, ast.Attribute) and call.func.attr in _FILE_METHODS:
            yield from _file(line, literals.text(call.func.value), call, mode_at=0)
    elif called.module == "builtins":
        yield from _of_builtin(call, called.name, literals)
    elif called == Foreign("importlib", "import_module"):
        if literals.names.imported_by(call)[0] is None:
            yield BlindSpot(line, _IMPORTS_COMPUTED)
    elif called == Foreign("os", "getenv") or _is_environment(called):
        yield BlindSpot(line, _variable(call.args[0] if call.args else None))
    elif called.package == "subprocess" or (called.package, called.last) in _PROGRAMS:
        yield BlindSpot(line, "runs another program")
    elif called.package in _NETWORK and called.module not in _PARSES_ONLY:
        yield BlindSpot(line, f"reads {literals.text(_first(call)) or 'from a network'}")
    elif _is_reader(called):
        yield from _file(line, literals.text(_first(call)), call)


def _of_builtin(call: ast.Call, name: str, literals: _Literals) -> Iterator[BlindSpot]:
    line = call.lineno
    if name == "open":
        yield from _file(line, literals.text(_first(call)), call)
    elif name == "__import__" and literals.names.imported_by(call)[0] is None:
        yield BlindSpot(line, _IMPORTS_COMPUTED)
    elif name in _CODE:
        yield BlindSpot(line, "runs text as code")
    elif name == "getattr":
        owner, sought = (*call.args, None, None)[:2]
        if owner is not None and not isinstance(sought, ast.Constant):
            is_followed = literals.names.value(owner) or literals.names.foreign(owner)
            what = "looks something up by a name that is computed"
            yield BlindSpot(line, what, is_hidden=not is_followed)
    elif name in _LOOKUPS:
        yield BlindSpot(line, "looks names up", is_hidden=False)


def _file(line: int, name: str | None, call: ast.Call, *, mode_at: int = 1) -> Iterator[BlindSpot]:
    """A file that is read; one that is only written is none of the fit's inputs."""
    mode = call.args[mode_at] if len(call.args) > mode_at else None
    mode = next((k.value for k in call.keywords if k.arg == "mode"), mode)
    is_written = isinstance(mode, ast.Constant) and str(mode.value)[:1] in ("w", "a", "x")
    if not is_written:
        yield BlindSpot(line, f"reads {name or 'a file whose name is computed'}", name or "")


def _is_reader(called: Foreign) -> bool:
    if called.package in _READS_WHAT_IS_OPEN or called.package == "mainspring":
        return False
    is_file = called.last in _FILE_CALLS or called.last.startswith(_FILE_PREFIXES)
    return is_file or (called.package, called.last) in _FOLDERS


def _is_modules(named: Foreign | None) -> bool:
    return named == Foreign("sys", "modules")


def _is_environment(named: Foreign | None) -> bool:
    return named is not None and named.module == "os" and named.name.startswith("environ")


def _variable(name: ast.expr | None) -> str:
    match name:
        case ast.Constant(value=str(text)):
            return f"reads the variable {text} of the environment"
        case _:
            return "reads variables of the environment"


def _first(call: ast.Call) -> ast.expr | None:
    named = next((keyword.value for keyword in call.keywords if keyword.arg), None)
    return call.args[0] if call.args else named


def _assigned_texts(tree: ast.AST) -> dict[str, ast.expr]:
    """The expression behind each local name that is bound once."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                found.setdefault(name, []).append(value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}
