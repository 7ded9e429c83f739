"""What a fit can run, followed from its function through the project's own code.

Followed are functions with their closures, defaults, decorators and attributes; classes with their
bases and all that they hold; objects with their state; whatever a name or an attribute of one of
the project's modules stands for *now*, after every module was imported and every register filled;
and modules that are imported only while the fit runs, as text.  Other packages are named with their
version.  Where following ends, the whole text of the module counts, and what stays unseen is said.

Names of files and modules of the project are not in the words, so moving code is no change.
"""

import ast
import dis
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import NamedTuple

from mainspring.elements.errors import Location
from mainspring.elements.expression.build import Expr
from mainspring.features.spec import Entity
from mainspring.project.code.acts import Acts
from mainspring.project.code.names import Foreign, Names, Unloaded
from mainspring.project.code.provenance import (
    imported_name,
    is_generated,
    is_made_by_call,
    is_made_module,
    is_run_as_text,
)
from mainspring.project.code.reads import iter_blind_spots
from mainspring.project.code.state import (
    ObjectParts,
    attributes_of,
    closed_over,
    copies_itself,
    is_plain,
    is_told_by_text,
    plain_notation,
    survey,
    take_apart,
    take_known_apart,
)
from mainspring.project.code.text import (
    class_of,
    imports_inside,
    line_of,
    module_form,
    normal_form,
    parse_module,
    routine_form,
    routine_of,
    without_decorators,
)
from mainspring.project.kinds.asset import ProjectCode, VersionOf, is_declaration

__all__ = ["FitCode", "Unseen", "describe_fit"]

# Of a class or a module: what Python keeps there for itself.
_PYTHONS_OWN = frozenset(
    {
        *("__abstractmethods__", "__annotations__", "__builtins__", "__dict__", "__doc__"),
        *("__firstlineno__", "__module__", "__qualname__", "__static_attributes__", "_abc_impl"),
        *("__slotnames__", "__weakref__", "__wrapped__"),
    }
)


class Unseen(NamedTuple):
    """What a fit may depend on and its identity does not cover.

    Args:
        what: in words that go on from "the fit".
        file: the name of a file that is read, as it stands in the text; "" where that is computed,
            None where it is no file.
    """

    at: Location
    what: str
    file: str | None = None


class FitCode(NamedTuple):
    """The code of a fit.

    Args:
        words: the function and all that it can run, as JSON; the function itself comes first.
        unseen: in the order of places.
    """

    words: list[object]
    unseen: tuple[Unseen, ...]


def describe_fit(function: object, code: ProjectCode, version_of: VersionOf) -> FitCode:
    """The code that a fit function can run.  Cost: some milliseconds; nothing is imported."""
    walk = _Walk(code, version_of)
    walk.visit(function)
    walk.finish()
    return FitCode(walk.words, tuple(sorted(walk.unseen, key=lambda each: (each.at, each.what))))


class _Walk:
    """Gives each thing that it meets a place among the words, answers by place from then on, and
    describes what has a place one after the other, so that circles end and depth costs no stack.
    """

    def __init__(self, code: ProjectCode, version_of: VersionOf) -> None:
        self._code, self._version_of = code, lru_cache(maxsize=None)(version_of)
        self._places: dict[object, int] = {}
        self._waiting: deque[tuple[int, Callable[[], object], ModuleType | None]] = deque()
        self._alive: list[object] = []
        self._here: ModuleType | None = None
        self._acting: dict[str, ast.Module] = {}
        self._imports: dict[str, list[str]] = {}
        self.words: list[object] = []
        self.unseen: set[Unseen] = set()

    def finish(self) -> None:
        """Describe all that was met."""
        while self._waiting:
            place, describe, self._here = self._waiting.popleft()
            self.words[place] = describe()

    def visit(self, value: object) -> object:
        """What a value is: in words, or as a place among the words."""
        match value:
            case Foreign(module=module, name=name):
                return self._package(module, name)
            case Unloaded(name=name):
                return self._place(name, value, lambda: self._unloaded(name))
            case ModuleType():
                return self._module(value)
            case Expr():
                return {"expression": repr(value.node)}
            case _ if is_declaration(value) or isinstance(value, Entity):
                return self._declaration(value)
            case _ if is_plain(value):
                return {"value": plain_notation(value, self._code.root)}
            case FunctionType():
                return self._place(id(value), value, lambda: self._function(value))
            case type() if self._is_ours(value):
                return self._place(id(value), value, lambda: self._class(value))
            case _ if not self._is_ours(value) and (named := imported_name(value)):
                return self._package(*named)
            case _:
                return self._place(id(value), value, lambda: self._object(value))

    def _place(self, key: object, value: object, describe: Callable[[], object]) -> object:
        if key not in self._places:
            self._places[key] = len(self.words)
            # What is taken apart is made anew each time: were it freed, another object could get
            # its number.
            self._alive.append(value)
            self.words.append(None)
            self._waiting.append((self._places[key], describe, self._here))
        return {"place": self._places[key]}

    def _is_ours(self, value: object) -> bool:
        """Whether it is a function or a class of the project, or an object of such a class."""
        if isinstance(value, FunctionType):
            in_text = value.__code__.co_filename in self._code.texts
            is_owned = in_text or self._owns(str(value.__globals__.get("__name__") or ""))
            return is_owned or is_run_as_text(value)
        kind = value if isinstance(value, type) else type(value)
        return self._owns(kind.__module__) or is_made_by_call(kind)

    def _owns(self, module: str) -> bool:
        """Whether a module is one of the project: imported as such, or from a file in its folder by
        a loader of its own, so that no version says what it is.
        """
        if self._code.owns(module):
            return True
        file = getattr(sys.modules.get(module), "__file__", None) if module != "__main__" else None
        is_below = isinstance(file, str) and self._code.files.text(file) is not None
        return is_below and not self._version_of(module.partition(".")[0])

    def _declaration(self, value: object) -> object:
        """A declaration by its name; what it is has a fingerprint of its own."""
        said: dict[str, object] = {"declaration": getattr(value, "name", "")}
        fit = getattr(value, "fit", None)
        return said if fit is None else {**said, "fit": self.visit(fit)}

    def _package(self, module: str, name: str = "") -> dict[str, object]:
        said = {"module": module, "name": name} if name else {"module": module}
        version = self._version_of(module.partition(".")[0])
        return {**said, "version": version} if version else dict(said)

    # -- functions

    def _function(self, function: FunctionType) -> object:
        is_ours = self._is_ours(function)
        if not is_ours and (named := imported_name(function)) is not None:
            return self._package(*named)
        if isinstance(vars(function).get("registry"), MappingProxyType):
            return self._dispatch(function)
        made_in = str(function.__globals__.get("__name__") or "")
        self._here = self._code.modules.get(made_in, self._here)
        closure = dict(closed_over(function))
        said: dict[str, object] = (
            self._own_code(function, closure)
            if is_ours
            else self._package(made_in, function.__code__.co_qualname)
        )
        if function.__defaults__ or function.__kwdefaults__:
            said["defaults"] = self.visit((function.__defaults__, function.__kwdefaults__))
        for part, held in (("closure", closure), ("attributes", vars(function))):
            if held:
                said[part] = {name: self.visit(held[name]) for name in sorted(held)}
        return said

    def _own_code(self, function: FunctionType, closure: Mapping[str, object]) -> dict[str, object]:
        scope, path = function.__globals__, function.__code__.co_filename
        parsed = parse_module(self._code.texts.get(path) or self._code.files.text(path) or "")
        tree = routine_of(parsed, function.__code__)
        inside = without_decorators(tree) if tree is not None else None
        package = str(scope.get("__package__") or "")
        names = Names(self._code, package, values={**scope, **closure}, tree=inside)
        said: dict[str, object] = {"uses": self._uses(names, _global_names(function.__code__))}
        module = self._code.modules.get(str(scope.get("__name__") or ""))
        if module is not None and (acts := self._acts(module)):
            said["acts"] = acts
        if tree is None or inside is None:
            return {"bytecode": self._bytecode(function.__code__), **said}
        if self._note_blind_spots(inside, names, path) and module is not None:
            said["module"] = self._whole(module)
        return {"code": routine_form(parsed, tree), **said}

    def _dispatch(self, function: FunctionType) -> object:
        """`functools.singledispatch`: the implementations by the class that they are for."""
        registry: Mapping[type, object] = vars(function)["registry"]
        entries = sorted(registry.items(), key=lambda item: item[0].__qualname__)
        return {"dispatch": [[self.visit(kind), self.visit(run)] for kind, run in entries]}

    def _bytecode(self, code: CodeType) -> list[object]:
        constants = [
            self._bytecode(constant)
            if isinstance(constant, CodeType)
            else plain_notation(constant, self._code.root)
            for constant in code.co_consts
        ]
        return [code.co_code.hex(), constants, list(code.co_names), list(code.co_varnames)]

    # -- classes and objects

    def _class(self, cls: type) -> object:
        self._here = self._code.modules.get(cls.__module__) or self._here
        generated = f"namedtuple_{cls.__name__}"
        held = {
            name: value
            for name, value in vars(cls).items()
            if name not in _PYTHONS_OWN and not is_generated(value, generated)
        }
        annotations: Mapping[str, object] = vars(cls).get("__annotations__", {})
        # Whoever asks a class for its subclasses runs them, wherever they stand.
        asks = any("__subclasses__" in text for text in self._code.texts.values())
        below: list[type] = type.__subclasses__(cls) if asks else []
        return {
            "class": cls.__qualname__,
            "made_by": self.visit(type(cls)),
            "bases": [self.visit(base) for base in cls.__bases__],
            "fields": [[name, self.visit(kind)] for name, kind in annotations.items()],
            "holds": {name: self.visit(held[name]) for name in sorted(held)},
            "subclasses": [
                self.visit(each)
                for each in sorted(below, key=lambda each: each.__qualname__)
                if self._is_ours(each)
            ],
            "text": self._text_of_class(cls),
        }

    def _text_of_class(self, cls: type) -> str | None:
        """The text of a class that another library makes, in ways that its attributes do not all
        show; None for any other.
        """
        made_by = type(cls).__module__.partition(".")[0]
        module = self._code.modules.get(cls.__module__)
        if made_by in sys.stdlib_module_names or self._code.owns(made_by) or module is None:
            return None
        tree = class_of(parse_module(self._code.text_of(module)), cls.__name__)
        return normal_form(tree) if tree is not None else None

    def _object(self, value: object) -> object:
        kind, is_ours = type(value), self._is_ours(value)
        if kind.__module__.partition(".")[0] == "mainspring":
            return {"value": plain_notation(repr(value))}
        apart, held = take_known_apart(value), list[object]()
        if apart is None and is_ours:
            apart = take_apart(value)
            if apart is None or copies_itself(kind):
                parts = (kind,) if apart is None else apart.parts
                apart = ObjectParts("object", (*parts, attributes_of(value)))
        elif apart is None:
            is_complete, held = survey(value, self._is_ours)
            apart = take_apart(value) if is_complete else None
        if apart is not None:
            return {apart.word: [self.visit(part) for part in apart.parts]}
        holders = list(self._iter_holders(value))
        if not is_told_by_text(value):
            what = (
                f"uses an object of {kind.__module__}.{kind.__qualname__} that cannot be compared"
            )
            for module, line in holders:
                self._note(what, str(vars(module).get("__file__")), line)
        return {
            "opaque": self.visit(kind),
            "holds": [self.visit(part) for part in held],
            "modules": [self._whole(module) for module, _ in holders],
        }

    def _iter_holders(self, value: object) -> Iterator[tuple[ModuleType, int]]:
        """The modules that hold an object, or else the one whose code leads to it, each with the
        line where it is bound.
        """
        found = False
        for module in self._code.modules.values():
            names = {name for name, held in vars(module).items() if held is value}
            if names:
                found = True
                yield module, line_of(parse_module(self._code.text_of(module)), names)
        if not found and self._here is not None:
            yield self._here, 1

    # -- modules

    def _module(self, module: ModuleType) -> object:
        if self._code.owns(module.__name__):
            return self._whole(module)
        if is_made_module(module) or self._owns(module.__name__):
            return self._place(id(module), module, lambda: self._made_module(module))
        return self._package(module.__name__)

    def _made_module(self, module: ModuleType) -> object:
        """A module that no import statement made: what it holds."""
        held = {name: part for name, part in vars(module).items() if not name.startswith("__")}
        return {"holds": {name: self.visit(held[name]) for name in sorted(held)}}

    def _whole(self, module: ModuleType) -> object:
        return self._place(("whole", module.__name__), module, lambda: self._whole_module(module))

    def _whole_module(self, module: ModuleType) -> object:
        """A module's whole text, and what its names stand for beside that text."""
        self._here = module
        parsed = parse_module(self._code.text_of(module))
        values = {
            name: value
            for name, value in vars(module).items()
            if name not in (parsed.platform | parsed.volatile.keys())
            and not name.startswith("__")
            and not _is_defined_in(value, module.__name__)
            and not _is_declared(value)
        }
        package = str(vars(module).get("__package__") or "")
        names = Names(self._code, package, values=values, tree=imports_inside(parsed))
        return {"text": module_form(parsed), "uses": self._uses(names, values)}

    def _acts(self, module: ModuleType) -> list[object]:
        """What a module, and all that it imports, does to the world when it is imported."""
        found: dict[str, ast.Module] = {}
        waiting = [module.__name__]
        while waiting:
            name = waiting.pop()
            if name not in found and name in self._code.modules:
                found[name] = self._acts_in(name)
                waiting += self._imports[name]
        acting = sorted((ast.dump(acts), name) for name, acts in found.items() if acts.body)
        return [
            self._place(("acts", name), found[name], partial(self._acts_of, name, found[name]))
            for _, name in acting
        ]

    def _acts_in(self, name: str) -> ast.Module:
        """The statements of a module that reach beyond what its names show afterwards: calls of
        functions, and what is set in other packages.
        """
        if name not in self._acting:
            module = self._code.modules[name]
            parsed = parse_module(self._code.text_of(module))
            found = Acts(self._code, self._names(module, None), parsed.platform)
            acts = [
                act
                for act in found.among(parsed.tree.body)
                if not any(_is_declared(vars(module).get(name)) for name in _names_in(act))
            ]
            self._acting[name] = ast.Module(acts, [])
            self._imports[name] = [*self._names(module, parsed.tree).modules()]
        return self._acting[name]

    def _acts_of(self, name: str, acts: ast.Module) -> object:
        self._here = self._code.modules[name]
        return {
            "acts": [normal_form(act) for act in acts.body],
            "uses": self._uses(self._names(self._here, acts), _names_in(acts)),
        }

    def _names(self, module: ModuleType, tree: ast.AST | None) -> Names:
        package = str(vars(module).get("__package__") or "")
        return Names(self._code, package, values=vars(module), tree=tree)

    def _unloaded(self, name: str) -> object:
        """A module that is imported while the fit runs: its whole text, and what it imports."""
        source = self._code.files.module(name)
        assert source is not None, name
        try:
            parsed = parse_module(source.text)
        except SyntaxError:
            return {"text": source.text}
        package = name if source.is_package else name.rpartition(".")[0]
        names = Names(self._code, package, values={}, tree=parsed.tree)
        self._note_blind_spots(parsed.tree, names, source.path)
        return {"text": module_form(parsed), "uses": self._uses(names, ())}

    def _uses(self, names: Names, used: Iterable[str]) -> dict[str, object]:
        found: dict[str, list[object]] = {}
        for name, value in names.iter_uses(used):
            words = self._volatile(name.rpartition(".")[2], value) or self.visit(value)
            if words not in found.setdefault(name, []):
                found[name].append(words)
        return {name: words[0] if len(words) == 1 else words for name, words in found.items()}

    # -- where following ends

    def _volatile(self, name: str, value: object) -> object:
        """A value that may be another one in every process, as the expression that made it; None
        for any other.
        """
        for module in self._code.modules.values():
            parsed = parse_module(self._code.text_of(module))
            made_by = parsed.volatile.get(name)
            if made_by is not None and vars(module).get(name) is value:
                what = f"uses {name}, which may be another value in every process"
                self._note(what, str(vars(module).get("__file__")), made_by[0].lineno)
                describe = partial(self._computed, module, ast.Module([*made_by], []))
                return self._place(("computed", module.__name__, name), module, describe)
        return None

    def _computed(self, module: ModuleType, made_by: ast.Module) -> object:
        self._here = module
        return {
            "computed": [normal_form(statement) for statement in made_by.body],
            "uses": self._uses(self._names(module, made_by), _names_in(made_by)),
        }

    def _note_blind_spots(self, tree: ast.AST, names: Names, path: str) -> bool:
        """Whether following ends somewhere in a piece of code; what stays unseen is noted."""
        spots = list(iter_blind_spots(tree, names))
        for spot in spots:
            if spot.is_hidden:
                self._note(spot.what, path, spot.line, spot.file)
        known = {None if spot.file is None else self._within(spot.file) for spot in spots}
        for node in ast.walk(tree):
            match node:
                case ast.Constant(value=str(text)) if "." in text and text not in known:
                    if not text.endswith(".py") and self._code.files.is_file(text):
                        self._note(f"names the file {text}", path, node.lineno, text)
        return bool(spots)

    def _note(self, what: str, path: str, line: int, file: str | None = None) -> None:
        at = Location(self._within(path), line)
        self.unseen.add(Unseen(at, self._within(what), file and self._within(file)))

    def _within(self, text: str) -> str:
        """Paths in the project's folder, relative to it."""
        return text.replace(f"{self._code.root}/", "") if self._code.root else text


def _global_names(code: CodeType) -> Iterator[str]:
    """The names that a function and the functions inside it look up in their module."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _is_defined_in(value: object, module: str) -> bool:
    """Whether the text of a module says all of a value: a class of its own, or a function to which
    nothing was added.
    """
    is_bare = isinstance(value, type) or (isinstance(value, FunctionType) and not vars(value))
    return is_bare and getattr(value, "__module__", None) == module


def _is_declared(value: object) -> bool:
    return isinstance(value, Expr | Entity) or is_declaration(value)


def _names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
