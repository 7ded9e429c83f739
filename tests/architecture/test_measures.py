"""The measures measure: each on a few lines whose answer can be counted by hand."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from tools.source_tree import (
    Function,
    PythonFile,
    depth,
    documented_methods,
    line_count,
    undocumented,
)


def functions(source: str) -> list[Function]:
    text = dedent(source)
    return list(PythonFile(Path("made_up.py"), text, ast.parse(text)).functions())


def test_a_docstring_does_not_count_as_lines_of_a_function() -> None:
    [function] = functions('''
        def f() -> int:
            """One line,

            and some more.
            """
            return 1
    ''')
    assert line_count(function.node) == 2


def test_elif_continues_its_if_and_else_with_an_if_does_not() -> None:
    [flat] = functions("def f(a):\n if a:\n  pass\n elif not a:\n  pass\n elif a is None:\n  pass")
    [nested] = functions("def f(a):\n if a:\n  pass\n else:\n  if not a:\n   pass\n  pass")
    assert (depth(flat.node), depth(nested.node)) == (1, 2)


def test_a_nested_function_starts_a_count_of_its_own() -> None:
    outer, inner = functions("def f():\n for _ in x:\n  def g():\n   with y:\n    pass")
    assert (depth(outer.node), depth(inner.node)) == (1, 1)


def test_self_is_not_a_parameter_that_a_caller_gives() -> None:
    counts = [
        f.positional_count
        for f in functions(
            "class C:\n def m(self, a, *, b): ...\n @staticmethod\n def s(a, b): "
            "...\ndef f(self, a): ..."
        )
    ]
    assert counts == [1, 2, 2]


@pytest.mark.parametrize(
    "decorator", ["njit", "numba.njit", "njit(cache=True)", "numba.jit(nopython=True)"]
)
def test_a_compiled_function_is_recognised_by_its_decorator(decorator: str) -> None:
    [function] = functions(f"@{decorator}\ndef f(): ...")
    assert function.is_compiled


def test_private_names_overloads_and_setters_need_no_docstring() -> None:
    tree = ast.parse(
        "def _f(): ...\n@overload\ndef g(): ...\nclass C:\n @x.setter\n def x(self, "
        "v): ...\n def y(self): ..."
    )
    assert [node.name for node in undocumented(tree)] == ["C", "y"]


def test_a_method_speaks_through_the_one_that_it_overrides() -> None:
    tree = ast.parse("class A:\n 'a'\n def f(self): 'f'\nclass B(A):\n 'b'\n def f(self): ...")
    assert list(undocumented(tree, documented_methods([tree]))) == []
    assert [node.name for node in undocumented(tree)] == ["f"]
