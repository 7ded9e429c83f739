"""The provider that a model is to compute on, and what became of that."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["ON_CPU", "PROVIDERS", "Placed", "Placement", "Provider"]

Provider = Literal["cpu", "cuda"]
"""What computes: ONNX Runtime's execution providers, in lower case and without their last words."""

PROVIDERS: tuple[Provider, ...] = ("cpu", "cuda")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a model is to compute.

    Args:
        fallback: what computes where the provider cannot, all of the graph or some of its nodes;
            None: then the model is not opened.
        device: the number of the GPU.
        memory_bytes: how much of the GPU's memory the model may take; None: all.
    """

    provider: Provider = "cpu"
    fallback: Literal["cpu"] | None = None
    device: int = 0
    memory_bytes: int | None = None


ON_CPU = Placement()


class Placed(NamedTuple):
    """Where a model computes.

    Args:
        declared: the provider that was asked for.
        device: the number of the GPU; 0 on the CPU.
        reason: why another provider computes than the declared one; empty where none does.
        nodes, elsewhere: how many nodes the graph has, and how many of them compute on the CPU
            beside the provider; 0 where the CPU computes all.
    """

    provider: Provider = "cpu"
    declared: Provider = "cpu"
    device: int = 0
    reason: str = ""
    nodes: int = 0
    elsewhere: int = 0

    @property
    def name(self) -> str:
        """What computes, short.

        >>> Placed().name, Placed(provider="cuda", declared="cuda", device=1).name
        ('cpu', 'cuda:1')
        """
        return self.provider if self.provider == "cpu" else f"{self.provider}:{self.device}"

    @property
    def is_fallback(self) -> bool:
        """Whether anything computes on another provider than the declared one."""
        return self.provider != self.declared or self.elsewhere > 0

    def __str__(self) -> str:
        """In words, for people.

        >>> str(Placed(declared="cuda", reason="it is not installed"))
        'cpu, the fallback: cuda is declared, and it is not installed'
        >>> str(Placed(provider="cuda", declared="cuda", nodes=9, elsewhere=2))
        'cuda:0, but for 2 of 9 nodes on cpu'
        """
        if self.provider != self.declared:
            return f"{self.name}, the fallback: {self.declared} is declared, and {self.reason}"
        if self.elsewhere:
            return f"{self.name}, but for {self.elsewhere} of {self.nodes} nodes on cpu"
        return self.name
