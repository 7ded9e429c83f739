"""Declarations are found by type, in isolation, as the files are now."""

import sys
from pathlib import Path

import pytest

from mainspring.project.config.read import read_config
from mainspring.project.errors import NothingDeclared, ProjectErrors, ProjectMissing
from mainspring.project.kinds.union import asset_name
from mainspring.project.loader.discover import discover, from_definitions
from tests.unit.project.conftest import WriteProject

HEAD = "import mainspring as ms\nfrom mainspring import col\n"


def test_every_declaration_is_found_bare_ones_too(write_shop: WriteProject) -> None:
    names = [asset_name(asset) for asset in discover(write_shop()).assets]
    assert names == [
        "source.orders",
        "source.returns",
        "view.spending",
        "on_demand.basket",
        "training_set.history",
        "model.returned",
        "endpoint.returned",
        "monitor.returned-monitor",
    ]


def test_a_declaration_that_is_imported_elsewhere_counts_once(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "shop.py").write_text(
        HEAD + 'orders = ms.Source("orders", id="id", event_time="at")\n'
    )
    (tmp_path / "views.py").write_text(
        HEAD
        + (
            "from sources.shop import orders\nevery = [orders, ms.Source('b', id='id', "
            "event_time='at')]\n"
        )
    )
    assert [source.name for source in discover(tmp_path).sources] == ["orders", "b"]


def test_files_that_do_not_import_the_package_and_tests_are_not_run(
    write_shop: WriteProject,
) -> None:
    folder = write_shop().parent
    (folder / "tests").mkdir()
    (folder / "tests" / "test_shop.py").write_text(HEAD + "raise SystemExit(1)\n")
    (folder / "prepare.py").write_text(
        "from mainspring.engines.nycflights.prepare import main\nraise SystemExit(1)\n"
    )
    assert len(discover(folder).models) == 1


def test_an_edit_within_the_same_second_is_seen(write_shop: WriteProject) -> None:
    discover(write_shop())
    assert discover(write_shop(('"1h", "7d"', '"2h", "7d"'))).views[0].windows[0] == 7_200_000_000


def test_two_projects_with_modules_of_the_same_name_do_not_meet(write_shop: WriteProject) -> None:
    first, second = write_shop(folder="a"), write_shop(('"orders",', '"purchases",'), folder="b")
    assert discover(first).sources[0].name == "orders"
    assert discover(second).sources[0].name == "purchases"
    assert "shop" not in sys.modules


def test_a_package_that_only_the_fit_needs_is_not_imported(write_shop: WriteProject) -> None:
    file = write_shop(("MARGIN = 0.5", "import this_heavy as heavy\nMARGIN = 0.5"))
    (file.parent / "site").mkdir()
    (file.parent / "site" / "this_heavy.py").write_text("raise AssertionError\n")
    sys.path.append(str(file.parent / "site"))
    try:
        discover(file)
    finally:
        sys.path.remove(str(file.parent / "site"))
    assert "this_heavy" not in sys.modules


def test_a_failing_import_is_told_with_the_line_of_the_project(write_shop: WriteProject) -> None:
    file = write_shop(("MARGIN = 0.5", "MARGIN = int('x')"))
    with pytest.raises(ProjectErrors, match=r"shop.py:6: PRJ-024 .*ValueError"):
        discover(file)


def test_a_mistake_in_a_declaration_keeps_its_own_code_and_gets_the_line(
    write_shop: WriteProject,
) -> None:
    with pytest.raises(ProjectErrors, match=r"shop.py:11: PRJ-001"):
        discover(write_shop(('windows=["1h", "7d"]', 'windows=["soon"]')))


def test_a_file_of_no_python_is_told_with_its_line(write_shop: WriteProject) -> None:
    with pytest.raises(ProjectErrors, match=r"shop.py:6: PRJ-024 .*SyntaxError"):
        discover(write_shop(("MARGIN = 0.5", "MARGIN = = 0.5")))


def test_what_is_not_there_or_declares_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProjectMissing):
        discover(tmp_path / "nowhere")
    with pytest.raises(NothingDeclared):
        discover(tmp_path)


def test_a_project_in_one_file_is_called_by_it(write_shop: WriteProject) -> None:
    assert read_config(write_shop()).name == "shop"


def test_definitions_in_memory_bring_what_they_refer_to(write_shop: WriteProject) -> None:
    found = from_definitions(discover(write_shop()).endpoints)
    assert [source.name for source in found.sources] == ["orders", "returns"]
