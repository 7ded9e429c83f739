"""Writes `docs/errors.md`, the catalogue of every error that Mainspring raises on purpose, from the
classes themselves.
"""

import importlib
import inspect

from mainspring.elements.errors import MainspringError, iter_error_classes
from tools.source_tree import ROOT, python_files

__all__ = ["PAGE", "branches", "error_classes", "main", "render"]

PAGE = ROOT / "docs" / "errors.md"
INTRODUCTION = """# Errors

Every error that Mainspring raises on purpose has a code. `mainspring explain CODE` prints its
page; this is all of them, by branch. A program catches a branch
(`except mainspring.elements.errors.SourceError`) or reads `code`. Written by `make docs`; the text
lives with the classes.
"""


def error_classes() -> list[type[MainspringError]]:
    """All concrete error classes of the package, sorted by code; imports every `errors` module to
    find them.
    """
    for file in python_files("src"):
        if file.path.name == "errors.py":
            importlib.import_module(file.module)
    return [error for error in iter_error_classes() if error.__module__.startswith("mainspring.")]


def branches() -> list[type[MainspringError]]:
    """The branches of the tree, in the order in which it is drawn."""
    return [
        branch
        for branch in MainspringError.__subclasses__()
        if branch.__module__ == "mainspring.elements.errors"
    ]


def render() -> str:
    """The text of the page."""
    classes = error_classes()
    parts = [INTRODUCTION]
    for branch in branches():
        members = [error for error in classes if issubclass(error, branch)]
        if members:
            parts += [
                f"## {branch.__name__}\n\n{inspect.cleandoc(branch.__doc__ or '')}\n",
                *map(_entry, members),
            ]
    return "\n".join(parts)


def _entry(error: type[MainspringError]) -> str:
    remedy = f"\n\n**What to do:** {_readable(error.remedy)}" if error.remedy else ""
    return (
        f"### {error.code} {error.__name__}\n\n> "
        f"{_readable(error.template)}\n\n{inspect.cleandoc(error.__doc__ or '')}{remedy}\n"
    )


def _readable(template: str) -> str:
    """A template with its fields shown as ‹field›, since Markdown would swallow braces in some
    renderers.
    """
    return template.replace("{", "‹").replace("}", "›")


def main() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(error_classes())} errors")


if __name__ == "__main__":
    main()
