"""The options that say how much `serve-model` lets in."""

import click
import pytest

from mainspring.app.cli.admission import admission_of, admission_words
from mainspring.app.cli.commands.begin import serve_model
from mainspring.project.config.config import parse_config
from mainspring.serving.admission import AdmissionLimits, CallerRate

NAMES = ("queue", "requests_per_s", "burst")
ALL = ("--queue", "8", "--requests-per-s", "0.5", "--burst", "3")


def given(*words: str) -> dict[str, float | None]:
    params = serve_model.make_context("serve-model", ["model.onnx", *words]).params
    return {name: params[name] for name in NAMES}


def declared(*words: str) -> AdmissionLimits:
    return admission_of(**given(*words))


def test_without_options_the_queue_is_that_of_an_environment_and_nobody_has_a_rate() -> None:
    assert declared() == AdmissionLimits()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (ALL, AdmissionLimits(8, CallerRate(0.5, 3))),
        (("--requests-per-s", "500"), AdmissionLimits(rate=CallerRate(500.0, 500))),
        (("--requests-per-s", "0.2"), AdmissionLimits(rate=CallerRate(0.2, 1))),
        (("--requests-per-s", "0"), AdmissionLimits()),
    ],
)
def test_the_options_are_a_declaration(words: tuple[str, ...], found: AdmissionLimits) -> None:
    assert declared(*words) == found


@pytest.mark.parametrize(
    "words", [ALL, ("--requests-per-s", "7"), ("--queue", "1"), ("--requests-per-s", "2.5")]
)
def test_they_say_what_the_same_settings_of_an_environment_say(words: tuple[str, ...]) -> None:
    names = [word.removeprefix("--").replace("-", "_") for word in words[::2]]
    lines = [f"{name} = {value}" for name, value in zip(names, words[1::2], strict=True)]
    text = "\n".join(['name = "shop"', "[environments.dev.admission]", *lines])
    config = parse_config(text, path="project.toml", name="shop")
    assert declared(*words) == config.environment("dev").admission


@pytest.mark.parametrize("words", [(), ALL, ALL[:2], ALL[2:4]])
def test_a_supervisor_hands_them_on(words: tuple[str, ...]) -> None:
    assert declared(*admission_words(declared(*words))) == declared(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("--queue", "0"),
        ("--queue", "100001"),
        ("--requests-per-s", "-1"),
        ("--requests-per-s", "nan"),
        ("--requests-per-s", "inf"),
        ("--requests-per-s", "10", "--burst", "0"),
        ("--burst", "5"),
        ("--requests-per-s", "0", "--burst", "5"),
    ],
)
def test_what_cannot_be_meant_is_misuse(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        declared(*words)
