"""Which version of a package a fit runs with."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from mainspring.project.code.packages import installed_version


def test_a_package_is_found_by_the_name_of_its_import() -> None:
    assert installed_version("sklearn") == f"scikit-learn {metadata.version('scikit-learn')}"
    assert installed_version("numpy") == f"numpy {metadata.version('numpy')}"


def test_the_standard_library_and_what_is_not_installed_have_no_version() -> None:
    assert [installed_version(name) for name in ("json", "not_installed", "")] == ["", "", ""]


@pytest.mark.parametrize("name", ["shared.py", "shared/__init__.py", "shared/inner.py"])
def test_code_without_a_version_is_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    found = []
    for text in ("A = 1", "A = 2"):
        (tmp_path / name).write_text(text)
        found.append(installed_version("shared"))
    assert found[0] != found[1]
    assert "shared" not in sys.modules
