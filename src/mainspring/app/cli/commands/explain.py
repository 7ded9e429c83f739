"""The command that explains error codes: `mainspring explain SRC-010`."""

import difflib
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import click
import msgspec

import mainspring
from mainspring.app.cli.options import Invocation, Verb
from mainspring.app.cli.paint import Paint, columns
from mainspring.elements.errors import MainspringError, iter_error_classes

__all__ = ["ErrorPage", "explain", "known_errors", "page_lines", "page_of"]

_WIDTH = 100


class ErrorPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page of an error code.

    Args:
        template: the message, with its fields in braces.
        meaning: the page itself.
    """

    code: str
    name: str
    branch: str
    template: str
    meaning: str
    remedy: str


@click.command(cls=Verb)
@click.argument("code", default="")
@click.pass_obj
def explain(at: Invocation, code: str) -> None:
    """Explain an error code and what to do about it.

    Without a code, all codes are listed.
    """
    pages = [page_of(error) for error in known_errors()]
    if not code:
        at.answer(
            pages,
            lambda paint: columns(
                [[paint.bad(page.code), page.meaning.partition("\n")[0]] for page in pages]
            ),
        )
        return
    found = [page for page in pages if page.code == code.upper()]
    if not found:
        near = difflib.get_close_matches(
            code.upper(), [page.code for page in pages], n=4, cutoff=0.7
        )
        raise click.BadParameter(
            f"there is no code {code!r}"
            + (f"; similar ones are {', '.join(sorted(near))}" if near else ""),
            param_hint="CODE",
        )
    at.answer(found[0], lambda paint: page_lines(found[0], paint))


def known_errors() -> Sequence[type[MainspringError]]:
    """Every concrete error class, sorted by code; imports all `errors` modules of the package to
    find them.
    """
    root = Path(inspect.getfile(mainspring)).parent
    for file in sorted(root.rglob("errors.py")):
        import_module(".".join(["mainspring", *file.relative_to(root).with_suffix("").parts]))
    return [error for error in iter_error_classes() if error.__module__.startswith("mainspring.")]


def page_of(error: type[MainspringError]) -> ErrorPage:
    """The page of one class."""
    branch = next(
        parent.__name__ for parent in reversed(error.__mro__) if parent.__base__ is MainspringError
    )
    return ErrorPage(
        code=error.code,
        name=error.__name__,
        branch=branch,
        template=error.template,
        meaning=inspect.cleandoc(error.__doc__ or ""),
        remedy=error.remedy,
    )


def page_lines(page: ErrorPage, paint: Paint) -> Iterator[str]:
    """The page as lines, its fields shown as ‹field›."""
    yield f"{paint.bad(page.code)} {paint.title(page.name)}  {paint.quiet(page.branch)}"
    yield f"  {_readable(page.template)}"
    for paragraph in page.meaning.split("\n\n"):
        yield ""
        yield from textwrap.wrap(" ".join(paragraph.split()), _WIDTH)
    if page.remedy:
        yield ""
        yield f"What to do: {_readable(page.remedy)}"


def _readable(template: str) -> str:
    return template.replace("!r}", "}").replace("{", "‹").replace("}", "›")
