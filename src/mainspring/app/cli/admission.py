"""The options that say how much `serve-model` lets in: what an environment declares under
`admission`.
"""

import math
from dataclasses import replace
from typing import TypeVar

import click

from mainspring.app.cli.options import option_words
from mainspring.serving.admission.limits import (
    LONGEST_QUEUE,
    MOST_PER_S,
    AdmissionLimits,
    CallerRate,
)

__all__ = ["admission_of", "admission_options", "admission_words"]

_CommandT = TypeVar("_CommandT", bound=click.Command)


def admission_options(command: _CommandT) -> _CommandT:
    """The command with the options of admission, of which `admission_of` makes a record."""
    default = AdmissionLimits()
    command.params += [
        click.Option(
            ["--queue"],
            type=click.IntRange(1, LONGEST_QUEUE),
            metavar="N",
            help=f"Requests for one model that may be under way.  [{default.queue}]",
        ),
        click.Option(
            ["--requests-per-s"],
            type=click.FloatRange(0, MOST_PER_S),
            metavar="RATE",
            help="Of all who have the token, together; 0: as many as they like.  [0]",
        ),
        click.Option(
            ["--burst"],
            type=click.IntRange(1, MOST_PER_S),
            metavar="N",
            help="How many of these may come at once.  [what comes in a second]",
        ),
    ]
    return command


def admission_of(
    *, queue: int | None = None, requests_per_s: float | None = None, burst: int | None = None
) -> AdmissionLimits:
    """The limits that the options declare; what is not given is as in an environment."""
    rate = requests_per_s or 0.0
    if math.isnan(rate):
        raise click.UsageError("--requests-per-s is a number")
    if burst is not None and not rate:
        raise click.UsageError("--burst goes with --requests-per-s")
    limits = AdmissionLimits(rate=CallerRate(rate, burst or max(1, round(rate))))
    return limits if queue is None else replace(limits, queue=queue)


def admission_words(limits: AdmissionLimits) -> list[str]:
    """The options that declare these limits, for the processes of a supervisor."""
    rate = limits.rate
    return option_words(
        queue=limits.queue,
        requests_per_s=rate.per_s or None,
        burst=rate.burst if rate.per_s else None,
    )
