"""The files around the code: pins, generated pages, and nothing that only makes sense on one
machine.
"""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tools import architecture, error_pages
from tools.source_tree import ROOT

# Spelled in pieces, or this file would break its own rule.
HOSTS = [
    ("pypi", "org"),
    ("python" + "hosted", "org"),
    ("npmjs", "org"),
    ("debian", "org"),
    ("golang", "org"),
    ("crates", "io"),
]
REGISTRIES = "|".join(re.escape(".".join(parts)) for parts in HOSTS)
PLACES = r"(?<![\w.~-])/(?:" + "|".join(["work", "root"]) + r")/"
FORBIDDEN = re.compile(f"{REGISTRIES}|{PLACES}")
PINNED = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+) \\\n    --hash=sha256:[0-9a-f]{64}\n"
)
PIN_FILES = sorted((ROOT / "requirements").glob("*.txt"))
# Each of these is an environment of its own, so a package may have another version there.
CLIENT_FILES = sorted((ROOT / "requirements" / "clients").glob("*.txt"))


def committed_texts() -> Iterator[tuple[Path, str]]:
    """Every text file that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in data:
            yield Path(name), data.decode("utf-8")


def without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def test_no_file_names_a_registry_host_or_a_place_on_one_machine() -> None:
    problems = [
        f"{path}:{number}: {found[0]}"
        for path, text in committed_texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if (found := FORBIDDEN.search(line))
    ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("path", [*PIN_FILES, *CLIENT_FILES], ids=lambda path: path.name)
def test_pins_are_exact_hashed_and_free_of_addresses(path: Path) -> None:
    text = without_comments(path.read_text())
    assert PINNED.sub("", text) == "", f"{path.name}: not a pin with a hash: {PINNED.sub('', text)}"


def test_a_package_has_one_version_in_all_files_of_pins() -> None:
    versions: dict[str, set[str]] = {}
    for path in PIN_FILES:
        for pin in PINNED.finditer(path.read_text()):
            versions.setdefault(pin["name"], set()).add(pin["version"])
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_every_declared_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    declared = [
        *project["project"]["dependencies"],
        *project["build-system"]["requires"],
        *chain.from_iterable(extras),
    ]
    names = {re.split(r"[\[<>=~! ]", line)[0] for line in declared} - {project["project"]["name"]}
    pinned = {
        pin["name"] for pin in PINNED.finditer((ROOT / "requirements" / "dev.txt").read_text())
    }
    assert names <= pinned, f"run `make lock`: {sorted(names - pinned)}"


def test_the_picture_in_architecture_is_drawn_from_the_contract() -> None:
    page = architecture.PAGE.read_text(encoding="utf-8")
    assert architecture.render(page) == page, "run `make docs`"


def test_the_error_catalogue_is_written_from_the_classes() -> None:
    assert error_pages.PAGE.read_text(encoding="utf-8") == error_pages.render(), "run `make docs`"


def test_every_target_of_make_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [phony] = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
