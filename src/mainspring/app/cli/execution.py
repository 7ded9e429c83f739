"""The options that say where the models of `serve` and `serve-model` compute."""

from typing import TypeVar

import click

from mainspring.ports.placement import PROVIDERS
from mainspring.serving.execution.declared import (
    LONGEST_GATHER_MS,
    Execution,
    execution_problems,
)

__all__ = ["execution_of", "execution_options"]

_CommandT = TypeVar("_CommandT", bound=click.Command)

ON_CPU = Execution()


def execution_options(command: _CommandT) -> _CommandT:
    """The command with the options of an execution, of which `execution_of` makes a record."""
    command.params += [
        click.Option(
            ["--provider"],
            type=click.Choice(PROVIDERS),
            help="What models compute on.  [cpu, if nothing is declared]",
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
        click.Option(
            ["--gather-ms"],
            type=click.FloatRange(0, LONGEST_GATHER_MS),
            metavar="MS",
            help="How long a request may wait for others, to be computed with them on a GPU or in "
            "a thread.  [0]",
        ),
    ]
    return command


def execution_of(
    declared: Execution = ON_CPU,
    /,
    *,
    provider: str | float | None = None,
    fallback: str | float | None = None,
    device: str | float | None = None,
    gpu_memory: str | float | None = None,
    gather_ms: str | float | None = None,
) -> Execution:
    """What the options declare, each in place of what was declared before.

    Args:
        declared: by the settings of an environment.
    """
    chosen = next((each for each in PROVIDERS if each == provider), declared.provider)
    wait_ms = declared.gather_ms if gather_ms is None else float(gather_ms)
    of_gpu = (fallback, device, gpu_memory)
    if chosen == "cpu":
        if any(each is not None for each in of_gpu):
            raise click.UsageError("--fallback, --device and --gpu-memory go with --provider cuda")
        return Execution(gather_ms=wait_ms)
    execution = Execution(
        provider=chosen,
        fallback="cpu" if fallback else declared.fallback,
        device=declared.device if device is None else int(device),
        memory_limit=declared.memory_limit if gpu_memory is None else str(gpu_memory),
        gather_ms=wait_ms,
    )
    for problem in execution_problems(execution):
        raise click.UsageError(problem.replace("memory_limit", "--gpu-memory"))
    return execution
