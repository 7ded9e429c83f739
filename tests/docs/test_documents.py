"""Runs what the documents show, so that none of them can lie.

A fenced block takes part if its first line says so; everything else is prose.

    ```python test        runs; all Python blocks of one document share their names
    ```bash test          runs under `bash -euo pipefail`
    ```toml file=NAME     is written to NAME (any language; with `test` after it, it runs too)
    ```python test needs=pandas   takes part only where that package is installed
    ```text output        must be what the block before it printed; `...` stands for anything

Each document runs from top to bottom in a fresh folder of its own, with `mainspring` and `python`
of this environment on the path and the checkout in `$CHECKOUT`.
"""

import contextlib
import doctest
import importlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.source_tree import ROOT, PythonFile, python_files

FENCE = re.compile(
    r"^```(?P<language>\w+)(?P<words>(?: [\w=./-]+)+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
JOURNEYS = frozenset({"docs/leakage.md"})
LIMIT_S = 600


@dataclass(frozen=True)
class Block:
    """One fenced block that takes part, and the line where its body begins."""

    language: str
    words: tuple[str, ...]
    body: str
    line: int

    @property
    def file(self) -> str | None:
        return self._said("file=")

    @property
    def is_possible(self) -> bool:
        needed = self._said("needs=")
        return needed is None or find_spec(needed) is not None

    def _said(self, key: str) -> str | None:
        return next((word.removeprefix(key) for word in self.words if word.startswith(key)), None)


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        block = Block(
            found["language"],
            tuple(found["words"].split()),
            found["body"],
            line=text.count("\n", 0, found.start("body")) + 1,
        )
        if (block.file or {"test", "output"} & set(block.words)) and block.is_possible:
            yield block


def run_python(block: Block, *, names: dict[str, object], title: str) -> str:
    """What the block prints; line numbers in a traceback are those of the document."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile("\n" * (block.line - 1) + block.body, title, "exec"), names)
    return printed.getvalue()


def run_bash(block: Block, *, title: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "CHECKOUT": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.body],
        capture_output=True,
        text=True,
        env=environment,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, (
        f"{title}:{block.line} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


def assert_printed(block: Block, printed: str, *, title: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    is_same = doctest.OutputChecker().check_output(block.body, printed, flags)
    assert is_same, f"{title}:{block.line} shows\n{block.body}\nbut this was printed:\n{printed}"


def run_document(document: Path, *, title: str) -> None:
    names: dict[str, object] = {"__name__": "__document__"}
    printed = ""
    for block in blocks(document):
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.body, encoding="utf-8")
        if "output" in block.words:
            assert_printed(block, printed, title=title)
        elif "test" in block.words:
            printed = (
                run_python(block, names=names, title=title)
                if block.language == "python"
                else run_bash(block, title=title)
            )


def documents_that_run() -> Iterator[object]:
    for path in DOCUMENTS:
        if path.exists() and any(blocks(path)):
            name = path.relative_to(ROOT).as_posix()
            yield pytest.param(
                path, id=name, marks=[pytest.mark.journey] if name in JOURNEYS else []
            )


@pytest.mark.parametrize("document", list(documents_that_run()))
def test_what_a_document_shows_is_what_happens(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHECKOUT", str(ROOT))
    monkeypatch.syspath_prepend(tmp_path)
    run_document(document, title=document.relative_to(ROOT).as_posix())


def test_blocks_share_names_files_and_folder_and_output_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    document = tmp_path / "story.md"
    document.write_text(
        "```python test\nx = 2\n```\n```toml file=in/a.toml\nb = 1\n```\n```bash "
        "test\ncat in/a.toml\n```\n```text output\nb = ...\n```\n"
    )
    document.write_text(
        document.read_text()
        + "```python\nnever run\n```\n```python test needs=nobody_has_it\nnever run\n```\n"
        + "```python test\nprint(x + 1)\n```\n```text output\n4\n```\n"
    )
    with pytest.raises(AssertionError, match="story:23 shows"):
        run_document(document, title="story")


@pytest.mark.parametrize(
    "file",
    [file for file in python_files("src") if ">>> " in file.text],
    ids=lambda file: file.module,
)
def test_examples_in_docstrings_give_what_they_show(file: PythonFile) -> None:
    try:
        module = importlib.import_module(file.module)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("mainspring"):
            raise
        pytest.skip(f"{file.module} needs {missing.name}, which is not installed")
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        outcome = doctest.testmod(module)
    assert outcome.failed == 0, report.getvalue()


@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if path.exists()],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing, f"{document.relative_to(ROOT)} points at {missing}"
