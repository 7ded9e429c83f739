"""Sessions on an execution provider: what is installed is looked at before, and what runs after.

ONNX Runtime warns and takes the CPU where a provider is missing, or does not start, and gives the
CPU every node that the provider has no kernel for, while the session goes on naming the provider.
So neither what was asked for nor what the session names is believed: the nodes are counted.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import onnxruntime

from mainspring.ports.placement import (
    NodesElsewhere,
    Placed,
    Placement,
    Provider,
    ProviderFailed,
    ProviderMissing,
)

__all__ = ["CPU", "OnnxProvider", "OpenedSession", "open_placed", "provider_of"]

CPU = "CPUExecutionProvider"
_NAMES: Mapping[Provider, str] = {"cpu": CPU, "cuda": "CUDAExecutionProvider"}
_WORDS = "ExecutionProvider"
_MOST_OPERATORS = 8


class OnnxProvider(NamedTuple):
    """An execution provider as ONNX Runtime calls it, with its options."""

    name: str
    options: Mapping[str, str] = {}


class OpenedSession(NamedTuple):
    """A session, and where it computes."""

    session: onnxruntime.InferenceSession
    placed: Placed


OpenSession = Callable[[OnnxProvider], onnxruntime.InferenceSession]


def provider_of(place: Placement) -> OnnxProvider:
    """The provider of a place.

    Results should be those of the CPU but for the last bits: so no TF32, and no convolution that is
    chosen anew by what happened to be fastest at the start.
    """
    if place.provider == "cpu":
        return OnnxProvider(CPU)
    options = {
        "device_id": str(place.device),
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "DEFAULT",
        "use_tf32": "0",
    }
    if place.memory_bytes is not None:
        options["gpu_mem_limit"] = str(place.memory_bytes)
    return OnnxProvider(_NAMES[place.provider], options)


def open_placed(place: Placement, provider: OnnxProvider, open_on: OpenSession) -> OpenedSession:
    """A session at its place or, where that cannot be, at the declared fallback.

    Args:
        provider: that of the place.
        open_on: opens the session with one provider.

    Raises: ProviderMissing SRV-120, ProviderFailed SRV-121, NodesElsewhere SRV-122, and what
        `open_on` raises on the CPU.
    """
    if provider.name == CPU:
        return OpenedSession(open_on(provider), Placed())
    try:
        return _open_there(place, provider, open_on)
    except (ProviderMissing, ProviderFailed, NodesElsewhere) as error:
        if place.fallback is None:
            raise
        session = open_on(OnnxProvider(CPU))
        return OpenedSession(session, Placed(declared=place.provider, reason=error.as_reason))


def _open_there(place: Placement, provider: OnnxProvider, open_on: OpenSession) -> OpenedSession:
    installed = onnxruntime.get_available_providers()
    if provider.name not in installed:
        words = ", ".join(name.removesuffix(_WORDS).lower() for name in installed)
        raise ProviderMissing(provider=place.provider, installed=words)
    session = open_on(provider)
    if provider.name not in session.get_providers():
        raise ProviderFailed(provider=place.provider, reason="ONNX Runtime could not start it")
    nodes, elsewhere = _count_nodes(session, provider.name)
    if elsewhere and (place.fallback is None or nodes == elsewhere.total()):
        raise NodesElsewhere(
            provider=place.provider,
            nodes=nodes,
            elsewhere=elsewhere.total(),
            operators=", ".join(sorted(elsewhere)[:_MOST_OPERATORS]),
        )
    placed = Placed(
        place.provider, place.provider, place.device, nodes=nodes, elsewhere=elsewhere.total()
    )
    return OpenedSession(session, placed)


def _count_nodes(session: onnxruntime.InferenceSession, name: str) -> tuple[int, Counter[str]]:
    """How many nodes the graph has, and which operators another provider than this one runs."""
    nodes, elsewhere = 0, Counter[str]()
    for part in session.get_provider_graph_assignment_info():
        operators = [node.op_type for node in part.get_nodes()]
        nodes += len(operators)
        if part.ep_name != name:
            elsewhere.update(operators)
    return nodes, elsewhere
