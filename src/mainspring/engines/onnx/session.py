"""A session of ONNX Runtime over the bytes of a model.

A model is scanned before ONNX Runtime sees it, and what a scan cannot foresee is bounded: tensors
of all models of a process come from one allocator with a limit, and nothing is computed while a
model is opened.  A session gets bytes that were scanned, never a path, and a folder for weights in
other files that does not exist.
"""

from functools import cache
from types import TracebackType

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from mainspring.engines.onnx.errors import InvalidModel, ScoringFailed
from mainspring.engines.onnx.providers import (
    CPU,
    OnnxProvider,
    OpenedSession,
    open_placed,
    provider_of,
)
from mainspring.engines.onnx.scan import require_safe
from mainspring.ports.placement import ON_CPU, Placement, ProviderFailed

__all__ = ["ForeignFault", "open_session"]

_FOREIGN = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
    ValueError,
)
_BROKEN = (native.InvalidGraph, native.InvalidProtobuf, native.NoModel)
"""Whatever was to run it."""

_TENSOR_BYTES = 1 << 30
"""Of all models of a process together; not counted are trees, which are as large as their file."""

# Constants would be computed without the allocator, so a few operators on nothing but constants
# could fill the memory of whoever opens the model (measured: 2 GB from 2 kB).
_UNBOUNDED_OPTIMIZERS = ["ConstantFolding"]


class ForeignFault:
    """Turns ONNX Runtime's exceptions into `error`; a class, because a generator would cost more
    than it guards.
    """

    __slots__ = ("error",)

    def __init__(self, error: type[InvalidModel] | type[ScoringFailed]) -> None:
        self.error = error

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise `error` from an exception of ONNX Runtime; let any other pass."""
        if isinstance(exception, _FOREIGN):
            raise self.error(reason=str(exception)) from exception


_LOADING = ForeignFault(InvalidModel)


def open_session(payload: bytes, place: Placement = ON_CPU) -> OpenedSession:
    """The model ready to run, and where.

    Raises: InvalidModel ENG-202, UnsafeModel ENG-205; ProviderMissing SRV-120, ProviderFailed
        SRV-121, NodesElsewhere SRV-122 where it cannot run as declared.
    """
    require_safe(payload)
    with _LOADING:
        _bound_allocator()
    return open_placed(
        place, provider_of(place), lambda provider: _open_on(payload, provider, place)
    )


def _open_on(
    payload: bytes, provider: OnnxProvider, place: Placement
) -> onnxruntime.InferenceSession:
    is_elsewhere = provider.name != CPU
    try:
        # Else ONNX Runtime tries the CPU whatever it met, with the optimizers that are left out
        # here, and says so on standard output only.
        return onnxruntime.InferenceSession(
            payload,
            _options(count_nodes=is_elsewhere),
            providers=[(provider.name, dict(provider.options))],
            disabled_optimizers=_UNBOUNDED_OPTIMIZERS,
            enable_fallback=0,
        )
    except _FOREIGN as error:
        if is_elsewhere and not isinstance(error, _BROKEN):
            raise ProviderFailed(provider=place.provider, reason=str(error)) from error
        raise InvalidModel(reason=str(error)) from error


def _options(*, count_nodes: bool = False) -> onnxruntime.SessionOptions:
    """One thread, in order, quiet below errors, and no spinning on a core that others need."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", "/nonexistent"
    )
    if count_nodes:
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


@cache
def _bound_allocator() -> None:
    """Make the allocator of this process, once; ONNX Runtime itself refuses what goes beyond it."""
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(
        place, onnxruntime.OrtArenaCfg({"max_mem": _TENSOR_BYTES})
    )
