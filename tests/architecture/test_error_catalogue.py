"""Errors as readers meet them: one tree, one code each, a message that can be rendered and a page
worth reading (STYLE 23).
"""

import ast
import inspect
import re
from dataclasses import fields
from string import Formatter
from textwrap import dedent

import pytest

from mainspring.elements import errors as tree
from mainspring.elements.errors import MainspringError
from tools.error_pages import branches, error_classes

BRANCH_LINE = re.compile(r"[├└]── (?P<name>\w+) +(?P<prefix>[A-Z]{3})  (?P<claim>.+)")
DRAWN = {found["name"]: found for found in BRANCH_LINE.finditer(tree.__doc__ or "")}
CLASSES = error_classes()

each_class = pytest.mark.parametrize(
    "error", CLASSES, ids=lambda error: f"{error.code}-{error.__name__}"
)


def test_the_drawn_tree_is_the_tree_of_branches() -> None:
    claims = {branch.__name__: (branch.__doc__ or "").strip().rstrip(".") for branch in branches()}
    assert {name: claim[:1].lower() + claim[1:] for name, claim in claims.items()} == {
        name: line["claim"] for name, line in DRAWN.items()
    }


def test_no_two_errors_share_a_code() -> None:
    codes = [error.code for error in CLASSES]
    assert sorted(codes) == sorted(set(codes)), [code for code in codes if codes.count(code) > 1]


@each_class
def test_a_code_begins_with_the_prefix_of_its_branch(error: type[MainspringError]) -> None:
    [branch] = [branch for branch in branches() if issubclass(error, branch)]
    assert re.fullmatch(DRAWN[branch.__name__]["prefix"] + r"-\d{3}", error.code), (
        f"{error.__module__}.{error.__name__} has {error.code}"
    )


def known_names(error: type[MainspringError]) -> set[str]:
    """What the texts may name: the typed fields, and what the class adds to or puts instead of them
    in `details`.
    """
    source = dedent(inspect.getsource(error.details))
    added = {
        key.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    keeps_fields = error.details is MainspringError.details or "super()" in source
    return added | {field.name for field in fields(error) if keeps_fields and field.name != "at"}


@each_class
def test_message_and_remedy_name_only_fields_that_exist(error: type[MainspringError]) -> None:
    used = {
        re.split(r"[.\[]", name)[0]
        for text in (error.template, error.remedy)
        for _, name, _, _ in Formatter().parse(text)
        if name is not None
    }
    assert used <= known_names(error), (
        f"{error.__module__}.{error.__name__} has {sorted(known_names(error))}, its "
        f"texts use {sorted(used)}"
    )


@each_class
def test_an_error_explains_itself_and_says_what_to_do(error: type[MainspringError]) -> None:
    own = vars(error)
    page = own.get("__doc__") or ""
    assert not page.startswith(f"{error.__name__}("), (
        f"{error.__module__}.{error.__name__} has no docstring but the one that dataclass makes"
    )
    assert len(page.split()) >= 8, f"{error.__module__}.{error.__name__}: the page says {page!r}"
    assert own.get("template"), f"{error.__module__}.{error.__name__} has no template"
    gathers_others = "faults" in {field.name for field in fields(error)}
    assert error.remedy or gathers_others, f"{error.__module__}.{error.__name__} has no remedy"


def test_concrete_errors_live_in_modules_named_errors() -> None:
    problems = [
        f"{error.__module__}.{error.__name__}"
        for error in CLASSES
        if error.__module__.split(".")[-1] != "errors"
    ]
    assert not problems, "\n".join(problems)
