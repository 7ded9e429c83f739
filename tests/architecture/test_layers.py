"""Rules on imports that the layers contract in pyproject.toml cannot say.

Not judged by machine: that only modules named by a verb import `ports` (STYLE 15).  Whether a name
is a verb is for the reviewer.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from tools.source_tree import PythonFile, python_files

ENGINES_MAY_IMPORT = {"engines", "ports", "elements"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("mainspring", cache_dir=None)


def package_of(module: str) -> str:
    """The package right under `mainspring`; empty for the front door itself."""
    package = [*module.split("."), ""][1]
    return "" if package == "__main__" else package


def imports(graph: grimp.ImportGraph) -> Iterator[tuple[str, str, str]]:
    """(importer, imported, where) of every direct import inside the package."""
    for importer in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            line = graph.get_import_details(importer=importer, imported=imported)[0]["line_number"]
            yield importer, imported, f"{importer}:{line} imports {imported}"


def assert_acyclic(edges: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as cycle:
        pytest.fail("imports go in a circle: " + " ← ".join(cycle.args[1]))


def test_engines_know_only_ports_and_elements(graph: grimp.ImportGraph) -> None:
    problems = [
        where
        for importer, imported, where in imports(graph)
        if package_of(importer) == "engines" and package_of(imported) not in ENGINES_MAY_IMPORT
    ]
    assert not problems, "\n".join(problems)


def test_only_the_engine_of_http_knows_which_server_there_is() -> None:
    """Routes are functions from a call to a reply; another server is another engine."""
    everything = grimp.build_graph("mainspring", cache_dir=None, include_external_packages=True)
    problems = [
        f"{importer} imports {server}"
        for server in ("anyio", "asgiref", "starlette", "uvicorn")
        if server in everything.modules
        for importer in sorted(everything.find_modules_that_directly_import(server))
        if not importer.startswith("mainspring.engines.http.")
    ]
    assert "uvicorn" in everything.modules
    assert not problems, "\n".join(problems)


def test_nothing_imports_the_app_the_tests_kit_or_the_front_door(graph: grimp.ImportGraph) -> None:
    may_be_imported_by = {"app": {"app", ""}, "testing": {"testing"}, "": {"app", "testing", ""}}
    problems = [
        where
        for importer, imported, where in imports(graph)
        if package_of(importer)
        not in may_be_imported_by.get(package_of(imported), {package_of(importer)})
    ]
    assert not problems, "\n".join(problems)


def test_specs_import_only_elements_errors_and_other_specs() -> None:
    """Judged by what is imported when a project is loaded; an import for the type checker alone
    costs a user nothing.
    """
    at_run_time = grimp.build_graph(
        "mainspring", cache_dir=None, exclude_type_checking_imports=True
    )
    problems = [
        where
        for importer, imported, where in imports(at_run_time)
        if importer.endswith(".spec")
        and package_of(imported) != "elements"
        and imported.split(".")[-1] not in {"spec", "errors"}
    ]
    assert not problems, "\n".join(problems)


def test_what_acts_in_monitoring_and_registry_does_not_know_who_acts_on_it(
    graph: grimp.ImportGraph,
) -> None:
    """A declaration may name another (a monitor names its model); the verbs are tied by events
    only.
    """
    forbidden = {"monitoring": {"training"}, "registry": {"gates", "training"}}
    problems = [
        where
        for importer, imported, where in imports(graph)
        if package_of(imported) in forbidden.get(package_of(importer), set())
        and not (importer.endswith(".spec") and imported.endswith(".spec"))
    ]
    assert not problems, "\n".join(problems)


def test_no_two_packages_import_each_other(graph: grimp.ImportGraph) -> None:
    edges: dict[str, set[str]] = {}
    for importer, imported, _ in imports(graph):
        if "" not in (package_of(importer), package_of(imported)) and package_of(
            importer
        ) != package_of(imported):
            edges.setdefault(package_of(importer), set()).add(package_of(imported))
    assert_acyclic(edges)


def test_no_modules_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    assert_acyclic(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    )


def hidden_imports(file: PythonFile) -> Iterator[str]:
    """Imports inside functions: none of our own outside `app`, and of others only in `engines` and
    `app`.
    """
    for function in file.functions():
        for node in ast.walk(function.node):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            yield from (
                f"{function.at} imports {name}"
                for name in names
                if name.startswith("mainspring") or file.package != "engines"
            )


def test_no_import_hides_in_a_function() -> None:
    problems = [
        problem
        for file in python_files("src")
        if file.package != "app"
        for problem in hidden_imports(file)
    ]
    assert not problems, "\n".join(problems)


def test_private_names_stay_in_their_package() -> None:
    problems = [
        f"{file.at(node)} imports {node.module}.{alias.name}"
        for file in python_files("src")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("mainspring.")
        and package_of(node.module or "") != file.package
        for alias in node.names
        if alias.name.startswith("_") or "._" in (node.module or "")
    ]
    assert not problems, "\n".join(problems)
