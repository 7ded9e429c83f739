"""Whoever acts has a name by one rule: no text becomes an actor past `parse_actor`."""

import ast
from collections.abc import Iterator

from mainspring.elements.actor import parse_actor
from tools.source_tree import python_files

THE_RULE = "mainspring.elements.actor"
NOBODY = ""


def texts_made_actors() -> Iterator[tuple[str, ast.expr]]:
    """Where an actor is made of a text, and of which."""
    for file in python_files("src"):
        if file.module == THE_RULE or file.module.startswith("mainspring.testing."):
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Actor":
                yield f"{file.module}:{node.lineno}", node.args[0]


def follows_the_rule(text: ast.expr) -> bool:
    match text:
        case ast.Constant(value=str(name)):
            return name == NOBODY or parse_actor(name) == name
        case ast.JoinedStr(values=[ast.Constant(value="monitor:"), _]):
            return True  # the name of a monitor is one of an asset, which is checked
    return False


def test_a_text_becomes_an_actor_by_the_rule_only() -> None:
    found = dict(texts_made_actors())
    assert found
    assert [place for place, text in found.items() if not follows_the_rule(text)] == []
