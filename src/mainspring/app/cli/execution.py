"""The options that say where the models of `serve-model` compute."""

from typing import TypeVar

import click

from mainspring.ports.placement import PROVIDERS
from mainspring.serving.execution.declared import Execution, execution_problems

__all__ = ["execution_of", "execution_options", "execution_words"]

_CommandT = TypeVar("_CommandT", bound=click.Command)


def execution_options(command: _CommandT) -> _CommandT:
    """The command with the options of an execution, of which `execution_of` makes a record."""
    command.params += [
        click.Option(
            ["--provider"], type=click.Choice(PROVIDERS), help="What the models compute on.  [cpu]"
        ),
        click.Option(
            ["--fallback"],
            type=click.Choice(["cpu"]),
            help="Compute there what the provider cannot; without it such a model is not served.",
        ),
        click.Option(
            ["--device"],
            type=click.IntRange(0, 63),
            metavar="N",
            help="The number of the GPU.",
        ),
        click.Option(
            ["--gpu-memory"],
            metavar="SIZE",
            help="How much of it each model may take, such as 4GiB.  [all]",
        ),
    ]
    return command


def execution_of(
    provider: str | int | None = None,
    fallback: str | int | None = None,
    device: str | int | None = None,
    gpu_memory: str | int | None = None,
) -> Execution:
    """What the options declare."""
    execution = Execution(
        provider=next((each for each in PROVIDERS if each == provider), "cpu"),
        fallback="cpu" if fallback else None,
        device=int(device or 0),
        memory_limit=str(gpu_memory) if gpu_memory is not None else None,
    )
    for problem in execution_problems(execution):
        raise click.UsageError(problem.replace("memory_limit", "--gpu-memory"))
    if execution.provider == "cpu" and (fallback or device or gpu_memory):
        raise click.UsageError("--fallback, --device and --gpu-memory go with --provider cuda")
    return execution


def execution_words(execution: Execution) -> list[str]:
    """The options that say it, for the processes of a supervisor."""
    if execution.provider == "cpu":
        return []
    words = ["--provider", execution.provider, "--device", str(execution.device)]
    words += ["--fallback", execution.fallback] if execution.fallback else []
    limit = execution.memory_limit
    return [*words, *(["--gpu-memory", limit] if limit else [])]
