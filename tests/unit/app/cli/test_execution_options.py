"""The options that say where the models of `serve-model` compute."""

import click
import pytest

from mainspring.app.cli.commands.begin import serve_model
from mainspring.app.cli.execution import execution_of, execution_words
from mainspring.serving.execution.declared import Execution

NAMES = ("provider", "fallback", "device", "gpu_memory")


def declared(*words: str) -> Execution:
    params = serve_model.make_context("serve-model", ["model.onnx", *words]).params
    return execution_of(**{name: params[name] for name in NAMES})


def test_without_options_a_model_computes_on_the_cpu() -> None:
    assert declared() == Execution()
    assert execution_words(declared()) == []


def test_the_options_are_a_declaration() -> None:
    found = declared("--provider", "cuda", "--device", "1", "--gpu-memory", "4GiB")
    assert found == Execution(provider="cuda", device=1, memory_limit="4GiB")
    assert found.place.memory_bytes == 4 << 30


@pytest.mark.parametrize(
    "words",
    [
        ["--provider", "cuda"],
        ["--provider", "cuda", "--fallback", "cpu", "--gpu-memory", "500 MB", "--device", "3"],
    ],
)
def test_a_supervisor_hands_the_declaration_on(words: list[str]) -> None:
    assert declared(*execution_words(declared(*words))) == declared(*words)


@pytest.mark.parametrize(
    "words",
    [
        ["--provider", "tpu"],
        ["--provider", "cuda", "--fallback", "cuda"],
        ["--provider", "cuda", "--gpu-memory", "much"],
        ["--provider", "cuda", "--device", "-1"],
        ["--fallback", "cpu"],
    ],
)
def test_what_cannot_be_meant_is_misuse(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        declared(*words)
