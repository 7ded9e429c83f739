"""What the house style asks of every line, as far as a machine can judge it; ruff and mypy hold the
rest.
"""

import ast
import importlib
import re
from collections.abc import Iterator

import pytest

from tools.source_tree import PythonFile, documented_methods, python_files, undocumented

SOURCES = python_files("src")
GRAB_BAGS = {"util", "helper", "common", "misc", "base", "core", "manager", "handler", "processor"}
BROAD = {"Exception", "BaseException"}
MAY_CATCH_BROADLY_PER_1000_LINES = 0.3


def nodes(
    *kinds: type[ast.AST], where: tuple[PythonFile, ...] = SOURCES
) -> Iterator[tuple[PythonFile, ast.AST]]:
    return (
        (file, node) for file in where for node in ast.walk(file.tree) if isinstance(node, kinds)
    )


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in the singular."""
    return {
        word.lower().removesuffix("s") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    }


def test_every_function_says_what_it_returns() -> None:
    problems = [
        function.at
        for file in python_files("src", "tools")
        for function in file.functions()
        if function.node.returns is None
    ]
    assert not problems, "\n".join(problems)


def test_every_module_has_a_docstring() -> None:
    problems = [
        f"{file.name}:1"
        for file in python_files("src", "tools", "tests")
        if ast.get_docstring(file.tree) is None
    ]
    assert not problems, "\n".join(problems)


def test_every_public_name_has_a_docstring() -> None:
    files = python_files("src", "tools")
    documented = documented_methods(file.tree for file in files)
    problems = [
        f"{file.at(node)} {node.name}"
        for file in files
        for node in undocumented(file.tree, documented)
    ]
    assert not problems, "\n".join(problems)


def test_no_function_changes_a_global() -> None:
    problems = [
        f"{file.name}:{node.lineno}"
        for file, node in nodes(ast.Global)
        if isinstance(node, ast.Global)
    ]
    assert not problems, "\n".join(problems)


def test_no_file_or_class_is_a_grab_bag() -> None:
    problems = [
        f"{file.name}:1"
        for file in python_files("src", "tools")
        if any(words(part) & GRAB_BAGS for part in file.name.removesuffix(".py").split("/"))
    ]
    problems += [
        f"{file.at(node)} {node.name}"
        for file, node in nodes(ast.ClassDef)
        if isinstance(node, ast.ClassDef) and words(node.name) & GRAB_BAGS
    ]
    assert not problems, "\n".join(problems)


def test_explicit_any_enters_only_through_engines() -> None:
    problems = [
        f"{file.name}:{node.lineno} imports Any"
        for file, node in nodes(ast.ImportFrom)
        if isinstance(node, ast.ImportFrom)
        and file.package != "engines"
        and node.module == "typing"
        and any(alias.name == "Any" for alias in node.names)
    ]
    assert not problems, "\n".join(problems)


def broad_handlers() -> Iterator[tuple[PythonFile, ast.ExceptHandler]]:
    """Handlers that swallow everything; one that ends by raising the same error again swallows
    nothing.
    """
    for file, node in nodes(ast.ExceptHandler):
        if isinstance(node, ast.ExceptHandler):
            caught = (
                {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)}
                if node.type
                else BROAD
            )
            last = node.body[-1]
            if caught & BROAD and not (isinstance(last, ast.Raise) and last.exc is None):
                yield file, node


def test_whoever_catches_everything_says_why() -> None:
    around = [
        (file.at(node), file.lines[node.lineno - 2 : node.lineno + 1])
        for file, node in broad_handlers()
    ]
    problems = [
        f"{at}: no reason beside it"
        for at, lines in around
        if not any("#" in line for line in lines)
    ]
    assert not problems, "\n".join(problems)


def test_hardly_anybody_catches_everything() -> None:
    found = [file.at(node) for file, node in broad_handlers()]
    lines = sum(len(file.lines) for file in SOURCES)
    assert len(found) * 1000 <= MAY_CATCH_BROADLY_PER_1000_LINES * lines, (
        f"{len(found)} in {lines} lines:\n" + "\n".join(found)
    )


def exported(file: PythonFile) -> list[str]:
    """The names in `__all__`; ruff's RUF022 holds their order."""
    for node in file.tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return list(ast.literal_eval(node.value))
    return []


@pytest.mark.parametrize(
    "file", [file for file in SOURCES if exported(file)], ids=lambda file: file.module
)
def test_every_exported_name_exists(file: PythonFile) -> None:
    module = importlib.import_module(file.module)
    problems = [
        f"{file.name}: __all__ names {name}" for name in exported(file) if not hasattr(module, name)
    ]
    assert not problems, "\n".join(problems)


def test_names_imported_from_another_package_are_exported_there() -> None:
    exports = {file.module: set(exported(file)) for file in SOURCES}
    problems = [
        (
            f"{file.name}:{node.lineno} imports {node.module}.{alias.name}, which __all__ "
            f"there does not name"
        )
        for file, node in nodes(ast.ImportFrom)
        if isinstance(node, ast.ImportFrom)
        and node.module in exports
        and node.module.split(".")[1:2] != [file.package]
        for alias in node.names
        if alias.name not in exports[node.module] and f"{node.module}.{alias.name}" not in exports
    ]
    assert not problems, "\n".join(problems)


def test_only_who_imports_a_project_makes_code_of_text() -> None:
    users = {
        file.name
        for file, node in nodes(ast.Name)
        if isinstance(node, ast.Name) and node.id in {"exec", "eval", "compile", "__import__"}
    }
    assert users == {"src/mainspring/project/loader/importing.py"}


def test_nothing_patches_our_own_code() -> None:
    problems = [
        f"{file.name}:{number}: {line.strip()}"
        for file in python_files("tests", "benchmarks")
        if file.path.name != "test_style.py"
        for number, line in enumerate(file.lines, start=1)
        if re.search(
            r"monkeypatch\.(setattr|delattr)\(|\bmock\.patch|unittest(\.| import )mock|\bmocker\b",
            line,
        )
    ]
    assert not problems, "\n".join(problems)


def test_no_test_waits_by_sleeping() -> None:
    problems = [
        f"{file.name}:{node.lineno}"
        for file, node in nodes(ast.Call, where=python_files("tests"))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]
    assert not problems, "\n".join(problems)
