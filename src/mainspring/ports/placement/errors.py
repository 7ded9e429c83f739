"""What keeps a model from computing where it is declared to."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = ["PLACEMENT_ERRORS", "NodesElsewhere", "ProviderFailed", "ProviderMissing"]

_OR_FALL_BACK = 'or declare fallback="cpu" (--fallback cpu), and it says that it runs there'


@dataclass(eq=False, kw_only=True)
class ProviderMissing(ServingError):
    """A model is declared to compute with an execution provider that the installed ONNX Runtime
    does not have.  ONNX Runtime itself would take the CPU and go on; here nothing computes
    elsewhere than was declared.
    """

    code: ClassVar[str] = "SRV-120"
    template: ClassVar[str] = (
        "the model is declared to run on {provider}, and this ONNX Runtime has {installed} only"
    )
    remedy: ClassVar[str] = (
        "install a build that has it (for cuda: onnxruntime-gpu instead of onnxruntime, with CUDA "
        f"and cuDNN), declare one that is there, {_OR_FALL_BACK}"
    )

    provider: str
    installed: str

    @property
    def as_reason(self) -> str:
        """Why something else computes."""
        return f"this ONNX Runtime has {self.installed} only"


@dataclass(eq=False, kw_only=True)
class ProviderFailed(ServingError):
    """The declared execution provider is installed and could not be opened for the model: there is
    no such device, its driver or libraries are missing, or its memory does not suffice.
    """

    code: ClassVar[str] = "SRV-121"
    template: ClassVar[str] = "the model is declared to run on {provider}, which failed: {reason}"
    remedy: ClassVar[str] = (
        "look at what ONNX Runtime wrote on standard error, and whether the driver sees the device "
        f"(nvidia-smi); declare another device or more memory, {_OR_FALL_BACK}"
    )

    provider: str
    reason: str

    @property
    def as_reason(self) -> str:
        """Why something else computes."""
        return f"it failed: {self.reason}"


@dataclass(eq=False, kw_only=True)
class NodesElsewhere(ServingError):
    """The declared execution provider cannot compute some nodes of the model's graph, and no
    fallback is declared for them.  Ensembles of trees, for one, ONNX Runtime computes on the CPU
    only.
    """

    code: ClassVar[str] = "SRV-122"
    template: ClassVar[str] = (
        "{provider} cannot run {elsewhere} of the {nodes} nodes of the model: {operators}"
    )
    remedy: ClassVar[str] = (
        "declare the cpu for a model of such operators, export it with others, "
        'or declare fallback="cpu" (--fallback cpu): then these nodes run there'
    )

    provider: str
    nodes: int
    elsewhere: int
    operators: str

    @property
    def as_reason(self) -> str:
        """Why something else computes."""
        return f"it can run none of the graph's nodes ({self.operators})"


PLACEMENT_ERRORS = (ProviderMissing, ProviderFailed, NodesElsewhere)
