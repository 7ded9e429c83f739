"""What `serve-model` takes: files with names and without, and when no token is needed."""

from pathlib import Path

import click
import pytest

from mainspring.app.cli.commands.begin import named_files, require_nobody_else, serve_model


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Calls the command in a folder with three files; gives what it would serve, and how."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.onnx", "b.onnx", "x=y.onnx"):
        (tmp_path / name).write_bytes(b"")

    def served(*words):
        given = serve_model.make_context("serve-model", list(words)).params
        if given["no_auth"]:
            require_nobody_else(given["hosts"], given["token_file"])
        return named_files(given["files"], given["name"])

    return served


def test_each_file_has_the_name_that_it_is_given(served):
    assert served("iris=a.onnx", "churn=b.onnx") == [
        ("iris", Path("a.onnx"), False),
        ("churn", Path("b.onnx"), False),
    ]


def test_a_file_alone_is_called_model_or_by_its_option(served):
    assert served("a.onnx") == [("model", Path("a.onnx"), True)]
    assert served("a.onnx", "--name", "late") == [("late", Path("a.onnx"), True)]


def test_a_file_with_an_equals_sign_in_its_name_is_that_file(served):
    assert served("x=y.onnx") == [("model", Path("x=y.onnx"), True)]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["none.onnx"],
        ["m=none.onnx"],
        ["a.onnx", "b.onnx"],
        ["m=a.onnx", "m=b.onnx"],
        ["m=a.onnx", "--name", "n"],
        ["a/b=a.onnx"],
        ["=a.onnx"],
        ["a.onnx", "--no-auth", "--allow-host", "models.example"],
        ["a.onnx", "--no-auth", "--token-file", "token"],
    ],
)
def test_what_cannot_be_meant_is_misuse(served, words):
    with pytest.raises(click.UsageError):
        served(*words)
