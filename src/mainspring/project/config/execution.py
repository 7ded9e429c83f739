"""`[environments.NAME.execution]`: where the models of its endpoints compute."""

import re

from mainspring.ports.placement import PROVIDERS, Provider
from mainspring.project.config.settings import Settings
from mainspring.serving.execution.declared import (
    LONGEST_GATHER_MS,
    MOST_DEVICES,
    Execution,
    is_gather_ms,
    size_in_bytes,
)

__all__ = ["parse_execution"]

_KNOWN = ("provider", "fallback", "device", "gpu_memory", "gather_ms")
_OF_GPU = ("fallback", "device", "gpu_memory")
_ANY_TEXT = re.compile(r".*")


def parse_execution(settings: Settings, value: object, setting: str) -> Execution:
    """The table's settings; those of a GPU without one are a fault, since nothing would read
    them.
    """
    table = settings.table(value, setting, known=_KNOWN)
    provider = _provider(settings, table.get("provider", "cpu"), f"{setting}.provider")
    fallback, memory = table.get("fallback"), table.get("gpu_memory")
    if fallback not in (None, "cpu"):
        settings.fault(
            f"{setting}.fallback",
            f"must be 'cpu', or left out for a model that is not served elsewhere, not "
            f"{fallback!r}",
        )
    for name in _OF_GPU:
        if provider == "cpu" and name in table:
            problem = "goes with provider = 'cuda': name it, or leave this out"
            settings.fault(f"{setting}.{name}", problem)
    gather_ms = _gather_ms(settings, table.get("gather_ms", 0), f"{setting}.gather_ms")
    if provider is None or provider == "cpu":
        return Execution(gather_ms=gather_ms)
    return Execution(
        provider=provider,
        fallback="cpu" if fallback == "cpu" else None,
        device=_device(settings, table.get("device", 0), f"{setting}.device"),
        memory_limit=None if memory is None else _size(settings, memory, f"{setting}.gpu_memory"),
        gather_ms=gather_ms,
    )


def _provider(settings: Settings, value: object, setting: str) -> Provider | None:
    found = next((each for each in PROVIDERS if each == value), None)
    if found is None:
        settings.fault(setting, f"must be {' or '.join(map(repr, PROVIDERS))}, not {value!r}")
    return found


def _gather_ms(settings: Settings, value: object, setting: str) -> float:
    if is_gather_ms(value):
        return float(value)
    problem = f"must be a number of milliseconds from 0 to {LONGEST_GATHER_MS}, not {value!r}"
    settings.fault(setting, problem)
    return 0.0


def _device(settings: Settings, value: object, setting: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_DEVICES:
        return value
    problem = f"must be the number of a GPU, from 0 to {MOST_DEVICES - 1}, not {value!r}"
    settings.fault(setting, problem)
    return 0


def _size(settings: Settings, value: object, setting: str) -> str | None:
    text = settings.text(value, setting, _ANY_TEXT, "a size such as '4GiB' or '500MB'")
    if text and size_in_bytes(text) is None:
        problem = f"must be a size such as '4GiB' or '500MB', not {value!r}"
        settings.fault(setting, problem)
    return text or None
