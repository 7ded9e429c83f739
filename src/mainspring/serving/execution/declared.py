"""What is declared of the execution of a model."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeGuard

from mainspring.ports.placement import PROVIDERS, Placement, Provider

__all__ = [
    "LONGEST_GATHER_MS",
    "MOST_DEVICES",
    "Execution",
    "execution_problems",
    "is_gather_ms",
    "size_in_bytes",
]

_SIZE = re.compile(r"([1-9][0-9]{0,5})\s?(MB|MiB|GB|GiB)")
_UNITS = {"MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}
LONGEST_GATHER_MS = 50
"""A caller who waits longer than that for others would not have been slower alone."""

MOST_DEVICES = 64
"""GPUs that one machine may have."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where a model computes.

    Args:
        provider: `cpu`, or `cuda` with an ONNX Runtime that has it.
        fallback: `cpu` computes there what the provider cannot, and the server says so; None: a
            model that cannot run as declared does not answer.
        device: the number of the GPU.
        memory_limit: how much of the GPU's memory each model may take, such as `4GiB`; None: all.
        gather_ms: how long a request may wait for others to be computed with, 0 to 50; of a model
            on the CPU only where its requests are answered in threads, since it takes long.
    """

    provider: Provider = "cpu"
    fallback: Literal["cpu"] | None = None
    device: int = 0
    memory_limit: str | None = None
    gather_ms: float = 0.0

    @property
    def gather_s(self) -> float:
        """The same in seconds."""
        return self.gather_ms / 1_000

    @property
    def place(self) -> Placement:
        """Where the model is to be opened."""
        return Placement(
            provider=self.provider,
            fallback=self.fallback,
            device=self.device,
            memory_bytes=size_in_bytes(self.memory_limit) if self.memory_limit else None,
        )


def size_in_bytes(text: str) -> int | None:
    """The number of bytes of a short text; None where it is none.

    >>> size_in_bytes("4GiB"), size_in_bytes("500 MB"), size_in_bytes("much")
    (4294967296, 500000000, None)
    """
    match = _SIZE.fullmatch(text.strip())
    return int(match[1]) * _UNITS[match[2]] if match else None


def execution_problems(execution: object) -> Iterator[str]:
    """What an execution declares that it cannot be; annotations are not enforced where a project is
    written.

    >>> list(execution_problems(Execution(device=-1)))
    ['device is the number of a GPU, from 0, not -1']
    """
    if not isinstance(execution, Execution):
        yield f"execution must be an ms.Execution, not {execution!r}"
        return
    if execution.provider not in PROVIDERS:
        yield f"provider is {' or '.join(map(repr, PROVIDERS))}, not {execution.provider!r}"
    if execution.fallback not in (None, "cpu"):
        yield f"fallback is 'cpu' or None, not {execution.fallback!r}"
    if execution.device not in range(MOST_DEVICES):
        yield f"device is the number of a GPU, from 0, not {execution.device!r}"
    limit = execution.memory_limit
    if limit is not None and size_in_bytes(str(limit)) is None:
        yield f"memory_limit is a size such as '4GiB' or '500MB', not {limit!r}"
    if not is_gather_ms(execution.gather_ms):
        yield f"gather_ms is from 0 to {LONGEST_GATHER_MS}, not {execution.gather_ms!r}"


def is_gather_ms(value: object) -> TypeGuard[float]:
    """Whether requests may wait so many milliseconds for others."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return 0 <= value <= LONGEST_GATHER_MS
