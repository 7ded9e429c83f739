"""Finds what a project declares: its modules are imported in isolation, and declarations are taken
from them by type.

Declarations are values of module variables, alone or in a list, tuple or dict, and of bare
expressions such as `ms.Endpoint(...)`.  What they refer to belongs to the project too.  A file is a
module of the project if it imports `mainspring` itself; others are imported only by those that need
them.
"""

import ast
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from importlib import import_module
from itertools import repeat
from pathlib import Path
from types import ModuleType

from mainspring.elements.declaration import shown_briefly
from mainspring.elements.errors import DeclarationError, Location
from mainspring.project.config.read import project_root, read_text_file
from mainspring.project.errors import (
    FolderTooLarge,
    ImportFailed,
    NotADeclaration,
    NothingDeclared,
    OpensItself,
    ProjectErrors,
    ProjectUnreadable,
)
from mainspring.project.kinds.asset import NoFiles, ProjectCode, ProjectFiles, SourceText
from mainspring.project.loader.declarations import (
    Declarations,
    collect_declarations,
    is_declared,
)
from mainspring.project.loader.importing import BARE_EXPRESSIONS, importing_from, module_file

__all__ = ["discover", "from_definitions", "refuse_from_within"]

_SKIPPED_FOLDERS = frozenset({"tests", "__pycache__", "node_modules", "site-packages"})
_MOST_ENTRIES = 50_000
"""A folder that nobody called a project and that holds more is a home or a disk: to look through it
would take minutes, and everything in it that imports `mainspring` would be run.
"""
_IMPORTING: ContextVar[tuple[Path, ...]] = ContextVar("importing", default=())


def refuse_from_within(path: Path) -> None:
    """Return, or raise PRJ-046 while the project at a folder or file is being imported: one of its
    own modules is opening it.
    """
    if project_root(path)[0] in _IMPORTING.get():
        raise OpensItself(path=str(project_root(path)[0]))


def discover(path: Path) -> Declarations:
    """Import the project at a folder or one file and return all that it declares.

    Raises:
        ProjectErrors PRJ-020 with every module that cannot be imported, ProjectMissing PRJ-021
        where there is no project, NothingDeclared PRJ-022 where nothing is declared, OpensItself
        PRJ-046 when one of its modules opens the project.
    """
    root, _ = project_root(path)
    if path.is_file() and path.suffix == ".py":
        files = [path.resolve()]
    else:
        is_named = (root / "project.toml").is_file()
        files = list(_iter_files(root, repeat(0) if is_named else _budget(root)))
    faults: dict[str, DeclarationError] = {}
    with _importing_once(root) as modules:
        for file in files:
            fault = _import_fault(file, root)
            if fault is not None:
                faults.setdefault(str(fault.at), fault)
    if faults:
        raise ProjectErrors(faults=tuple(faults.values()))
    found = collect_declarations(
        _iter_values(modules.values()), root=str(root), code=_code(modules, _FilesBelow(root))
    )
    if not found.assets:
        raise NothingDeclared(path=str(path))
    return found


def from_definitions(definitions: Iterable[object]) -> Declarations:
    """These declarations and all that they refer to, for a workspace that is nowhere on disk.

    Raises: NothingDeclared PRJ-022 when there are none, NotADeclaration PRJ-047 for a value that
        declares nothing.
    """
    is_one = is_declared(definitions) or not isinstance(definitions, Iterable)
    given = [definitions] if is_one else list(definitions)
    for value in given:
        if not is_declared(value):
            raise NotADeclaration(value=shown_briefly(value))
    found = collect_declarations(given)
    if not found.assets:
        raise NothingDeclared(path="these definitions")
    names = {str(getattr(model.fit, "__module__", "")) for model in found.models}
    return replace(
        found,
        code=_code({name: sys.modules[name] for name in sorted(names) if name in sys.modules}),
    )


@contextmanager
def _importing_once(root: Path) -> Iterator[Mapping[str, ModuleType]]:
    """As `importing_from`; a module that opens the project which it belongs to would come here
    again, without end.
    """
    if root in _IMPORTING.get():
        raise OpensItself(path=str(root))
    before = _IMPORTING.set((*_IMPORTING.get(), root))
    try:
        with importing_from(root) as modules:
            yield modules
    finally:
        _IMPORTING.reset(before)


def _iter_files(root: Path, budget: Iterator[int]) -> Iterator[Path]:
    """The Python files below a folder, sorted, without hidden folders, tests and installed
    packages; each entry on the way takes one from the budget.
    """
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        at = Location(str(root), 1)
        raise ProjectUnreadable(path=str(root), problem=str(error), at=at) from error
    for entry in entries:
        next(budget)
        if entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS:
            continue
        if entry.is_dir() and not (entry / "pyvenv.cfg").exists():
            yield from _iter_files(entry, budget)
        elif entry.suffix == ".py":
            yield entry


def _budget(root: Path) -> Iterator[int]:
    """As many entries as a folder may hold that nobody called a project."""
    yield from range(_MOST_ENTRIES)
    raise FolderTooLarge(path=str(root), entries=_MOST_ENTRIES)


def _import_fault(file: Path, root: Path) -> DeclarationError | None:
    """Import one file if it declares anything; what went wrong, or None."""
    parts = file.relative_to(root).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    try:
        if _declares(file):
            import_module(name)
    except ProjectUnreadable as fault:
        return fault
    except SyntaxError as error:
        at = Location(error.filename or str(file), error.lineno or 1)
        return ImportFailed(module=name, problem=f"SyntaxError: {error.msg}", at=at)
    # The edge to the user's code: whatever it raises is a fault of the project, with its line.
    except (Exception, SystemExit) as error:
        at = _last_line_within(root, error) or Location(str(file), 1)
        if isinstance(error, DeclarationError):
            error.at = error.at or at
            return error
        return ImportFailed(module=name, problem=f"{type(error).__name__}: {error}", at=at)
    return None


def _last_line_within(root: Path, error: BaseException) -> Location | None:
    frames = traceback.extract_tb(error.__traceback__)
    return next(
        (
            Location(f.filename, f.lineno or 1)
            for f in reversed(frames)
            if Path(f.filename).is_relative_to(root)
        ),
        None,
    )


def _declares(file: Path) -> bool:
    """Whether the file imports `mainspring` itself; one that imports only parts of it, such as a
    script, is not run to look inside.
    """
    text = read_text_file(file)
    if "mainspring" not in text:
        return False
    for node in ast.walk(ast.parse(text, str(file))):
        match node:
            case ast.Import(names=names) if any(alias.name == "mainspring" for alias in names):
                return True
            case ast.ImportFrom(module="mainspring", level=0):
                return True
    return False


def _iter_values(modules: Iterable[ModuleType]) -> Iterator[object]:
    """What the modules hold, and what their lists, tuples and dicts hold; bare expressions come
    last, for they name what stands above them.
    """
    for module in modules:
        for _, value in sorted(vars(module).items(), key=lambda item: item[0] == BARE_EXPRESSIONS):
            match value:
                case list() | tuple():
                    yield from value
                case dict():
                    yield from value.values()
                case _:
                    yield value


class _FilesBelow:
    """The files in the folder of a project."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def module(self, name: str) -> SourceText | None:
        """A module in the folder; what cannot be read is none of its modules."""
        is_name = all(part.isidentifier() for part in name.split("."))
        file = module_file(self.root, name) if is_name else None
        if file is None or name.partition(".")[0] in (*sys.stdlib_module_names, "mainspring"):
            return None
        return SourceText(str(file), read_text_file(file), is_package=file.stem == "__init__")

    def is_file(self, path: str) -> bool:
        """Whether there is such a file, seen from the folder."""
        try:
            return (self.root / path).is_file()
        except (OSError, ValueError):
            return False

    def text(self, path: str) -> str | None:
        """The text of a Python file in the folder that is not one of an installed package."""
        file = Path(path)
        if not file.is_relative_to(self.root) or not self.is_file(path):
            return None
        parts = file.relative_to(self.root).parts
        if any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in parts):
            return None
        try:
            ast.parse(text := read_text_file(file))
        except (ProjectUnreadable, SyntaxError, ValueError):
            return None
        return text


def _code(modules: Mapping[str, ModuleType], below: _FilesBelow | None = None) -> ProjectCode:
    files = [
        Path(file)
        for module in modules.values()
        if (file := getattr(module, "__file__", None)) and file.endswith(".py")
    ]
    known: ProjectFiles = below or NoFiles()
    return ProjectCode(
        modules=dict(modules),
        texts={str(file): read_text_file(file) for file in files if file.is_file()},
        root=str(below.root) if below else "",
        files=known,
    )
