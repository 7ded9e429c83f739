"""Writes the picture in `ARCHITECTURE.md` from the layers contract in `pyproject.toml` and the
first sentence of each package's docstring.
"""

import ast
import re
import textwrap
import tomllib

from tools.source_tree import ROOT, SRC

__all__ = ["PAGE", "layers", "main", "render"]

PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- layers: written by `make docs` -->", "<!-- end of layers -->"
WIDTH = 100


def layers() -> list[list[str]]:
    """The layers from the top down, each with the packages that do not know each other; without
    those that hold nothing yet.
    """
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    [tree] = [contract for contract in contracts if contract["id"] == "tree"]
    rows = [[name.strip(" ()") for name in layer.split("|")] for layer in tree["layers"]]
    existing = [
        [name for name in row if (SRC / "mainspring" / name / "__init__.py").exists()]
        for row in rows
    ]
    return [row for row in existing if row]


def purpose(package: str) -> str:
    """The first sentence of a package's docstring, on one line."""
    source = (SRC / "mainspring" / package / "__init__.py").read_text(encoding="utf-8")
    text = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def picture() -> str:
    """The layers as boxes, one under the other; what stands higher may import what stands lower."""
    rows = [_row(names) for names in layers()]
    edge = "├" + "─" * (WIDTH + 2) + "┤"
    body = f"\n{edge}\n".join("\n".join(f"│ {line:<{WIDTH}} │" for line in row) for row in rows)
    return f"┌{edge[1:-1]}┐\n{body}\n└{edge[1:-1]}┘"


def _row(names: list[str]) -> list[str]:
    return [
        line
        for name in names
        for line in textwrap.wrap(f"{name:<11} {purpose(name)}", WIDTH, subsequent_indent=" " * 12)
    ]


def render(page: str) -> str:
    """The page with a fresh picture between its markers."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n```text\n{picture()}\n```\n{END}{after}"


def main() -> None:
    """Write the page again."""
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(layers())} layers")


if __name__ == "__main__":
    main()
