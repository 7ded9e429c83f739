"""The project that `mainspring init` writes."""

from pathlib import Path

import pytest

from mainspring.app.cli.create import create_project
from mainspring.app.cli.errors import ProjectExists
from mainspring.project.config.read import read_config
from mainspring.project.loader.discover import discover


def test_the_project_declares_one_of_everything(tmp_path: Path) -> None:
    create_project(tmp_path, "food")
    found = discover(tmp_path)
    counts = [
        len(each)
        for each in (found.sources, found.views, found.models, found.endpoints, found.monitors)
    ]
    assert counts == [2, 2, 1, 1, 1]


def test_the_project_is_called_as_asked_and_its_settings_hold(tmp_path: Path) -> None:
    create_project(tmp_path, "My food!")
    config = read_config(tmp_path)
    assert (
        config.name,
        config.environments["dev"].protected,
        config.environments["prod"].protected,
    ) == ("My-food", False, True)


def test_the_data_is_always_the_same(tmp_path: Path) -> None:
    create_project(tmp_path / "a", "a")
    create_project(tmp_path / "b", "b")
    assert (tmp_path / "a/data/orders.csv").read_bytes() == (
        tmp_path / "b/data/orders.csv"
    ).read_bytes()


def test_an_existing_project_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text('name = "mine"\n')
    with pytest.raises(ProjectExists, match="ACC-007"):
        create_project(tmp_path, "food")
    assert [path.name for path in tmp_path.iterdir()] == ["project.toml"]


def test_an_existing_gitignore_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    assert tmp_path / ".gitignore" not in create_project(tmp_path, "food")
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
