"""Where spans go and which requests are traced, from what is declared and the variables of
OpenTelemetry.

Source: OpenTelemetry specification, SDK environment variables and OTLP exporter configuration.
"""

from collections.abc import Mapping
from typing import NamedTuple

from mainspring.engines.otel.errors import TracesUnusable
from mainspring.ports.errors import SecretMissing
from mainspring.ports.traces import Sampling, TraceSettings, endpoint_fault

__all__ = ["TraceTarget", "trace_target"]

_PATH = "v1/traces"
_PROTOCOL = "http/protobuf"
_SETTINGS, _OPTION = "[environments.NAME.traces]", "--traces"
_OF_TRACES, _OF_ALL = "OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"
_SAMPLERS = {
    "always_on": Sampling(heeds_parent=False),
    "always_off": Sampling(share=0.0, heeds_parent=False),
    "parentbased_always_on": Sampling(),
    "parentbased_always_off": Sampling(share=0.0),
}
_RATIOS = {"traceidratio": False, "parentbased_traceidratio": True}


class TraceTarget(NamedTuple):
    """What a server does about its traces.

    Args:
        where: what named the address.
        is_declared: the settings or an option ask for traces, and not the environment alone.
        url: that spans are sent to.
        headers: sent with them; empty where the environment has some, which the exporter reads.
        service: the name of the service; the environment may have another.
        doubts: about variables that say what cannot be done.
    """

    where: str
    is_declared: bool
    url: str
    sampling: Sampling
    headers: Mapping[str, str]
    service: str
    doubts: tuple[str, ...] = ()


def trace_target(
    declared: TraceSettings | None, url: str, environment: Mapping[str, str]
) -> TraceTarget | None:
    """Where spans go; None where no traces are wanted.

    The variables win over what is declared, `url` over both, as an option does; `OTEL_SDK_DISABLED`
    and `OTEL_TRACES_EXPORTER=none` over all.

    Args:
        url: as an option has it; empty for none.

    Raises: TracesUnusable SRV-059; SecretMissing ENG-014 for a header whose variable is not set.
    """
    is_off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_off or environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return None
    found = _address(declared, url, environment)
    if found is None:
        return None
    where, address = found
    if fault := endpoint_fault(address):
        raise TracesUnusable(where=where, reason=fault)
    settings = declared or TraceSettings(endpoint=address)
    sampling, doubts = _sampling(settings.sampling, environment)
    return TraceTarget(
        where,
        bool(declared or url),
        address,
        sampling,
        _headers(settings, environment),
        settings.service,
        (*doubts, *_doubts_of_protocol(environment)),
    )


def _address(
    declared: TraceSettings | None, url: str, environment: Mapping[str, str]
) -> tuple[str, str] | None:
    """What names the address, and the address."""
    for_traces, for_all = f"{_OF_TRACES}ENDPOINT", f"{_OF_ALL}ENDPOINT"
    if url:
        return _OPTION, _below(url)
    if given := environment.get(for_traces):
        return for_traces, given
    if given := environment.get(for_all):
        return for_all, _below(given)
    return (_SETTINGS, _below(declared.endpoint)) if declared else None


def _below(base: str) -> str:
    return f"{base.removesuffix('/')}/{_PATH}"


def _sampling(
    declared: Sampling, environment: Mapping[str, str]
) -> tuple[Sampling, tuple[str, ...]]:
    """Which requests are traced, and what is doubtful of what the environment says."""
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if not name:
        return declared, ()
    if name in _SAMPLERS:
        return _SAMPLERS[name], ()
    if name not in _RATIOS:
        known = ", ".join([*_SAMPLERS, *_RATIOS])
        return declared, (f"OTEL_TRACES_SAMPLER={name} is passed over; known are {known}",)
    given = environment.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    heeds_parent = _RATIOS[name]
    try:
        share = float(given) if given else 1.0
    except ValueError:
        share = -1.0
    if 0 <= share <= 1:
        return Sampling(share=share, heeds_parent=heeds_parent), ()
    doubt = f"OTEL_TRACES_SAMPLER_ARG={given} is no share from 0 to 1: all are traced"
    return Sampling(heeds_parent=heeds_parent), (doubt,)


def _headers(settings: TraceSettings, environment: Mapping[str, str]) -> Mapping[str, str]:
    if environment.get(f"{_OF_TRACES}HEADERS") or environment.get(f"{_OF_ALL}HEADERS"):
        return {}
    found = {}
    for name, variable in settings.headers.items():
        value = environment.get(variable, "")
        if not value:
            raise SecretMissing(setting=f"traces.headers.{name}", variable=variable)
        found[name] = value
    return found


def _doubts_of_protocol(environment: Mapping[str, str]) -> tuple[str, ...]:
    for variable in (f"{_OF_TRACES}PROTOCOL", f"{_OF_ALL}PROTOCOL"):
        if given := environment.get(variable):
            if given.strip().lower() == _PROTOCOL:
                return ()
            return (f"{variable}={given} is not spoken here: {_PROTOCOL} is sent",)
    return ()
