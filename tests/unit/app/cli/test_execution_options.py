"""The options that say where models compute."""

from dataclasses import replace

import click
import pytest

from mainspring.app.cli.commands.begin import serve_model
from mainspring.app.cli.execution import execution_of
from mainspring.app.cli.options import option_words
from mainspring.serving.execution.declared import Execution

NAMES = ("provider", "fallback", "device", "gpu_memory", "gather_ms")


CUDA = Execution(provider="cuda", fallback="cpu", device=1, memory_limit="4GiB")


def given(*words: str) -> dict[str, str | float | None]:
    params = serve_model.make_context("serve-model", ["model.onnx", *words]).params
    return {name: params[name] for name in NAMES}


def declared(*words: str) -> Execution:
    return execution_of(**given(*words))


def test_without_options_a_model_computes_on_the_cpu() -> None:
    assert declared() == Execution()
    assert option_words(**given()) == []


def test_the_options_are_a_declaration() -> None:
    found = declared("--provider", "cuda", "--device", "1", "--gpu-memory", "4GiB")
    assert found == Execution(provider="cuda", device=1, memory_limit="4GiB")
    assert found.place.memory_bytes == 4 << 30


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], CUDA),
        (["--device", "0"], replace(CUDA, device=0)),
        (["--gpu-memory", "500MB"], replace(CUDA, memory_limit="500MB")),
        (["--provider", "cpu"], Execution()),
        (["--provider", "cpu", "--gather-ms", "2"], Execution(gather_ms=2)),
        (["--gather-ms", "2.5"], replace(CUDA, gather_ms=2.5)),
    ],
)
def test_an_option_goes_before_what_an_environment_declares(
    words: list[str], found: Execution
) -> None:
    assert execution_of(CUDA, **given(*words)) == found


@pytest.mark.parametrize(
    "words",
    [
        ["--provider", "cuda"],
        ["--gather-ms", "1.5"],
        ["--provider", "cuda", "--fallback", "cpu", "--gpu-memory", "500 MB", "--device", "3"],
    ],
)
def test_a_supervisor_hands_the_declaration_on(words: list[str]) -> None:
    assert declared(*option_words(**given(*words))) == declared(*words)


@pytest.mark.parametrize(
    "words",
    [
        ["--provider", "tpu"],
        ["--provider", "cuda", "--fallback", "cuda"],
        ["--provider", "cuda", "--gpu-memory", "much"],
        ["--gather-ms", "51"],
        ["--provider", "cuda", "--device", "-1"],
        ["--fallback", "cpu"],
        ["--device", "0"],
    ],
)
def test_what_cannot_be_meant_is_misuse(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        declared(*words)
