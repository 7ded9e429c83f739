"""`[environments.NAME.traces]`: where its servers send traces, and of which requests.

[environments.prod.traces]
endpoint = "https://collector:4318"
sample = 0.01
headers = { authorization = "env:COLLECTOR_TOKEN" }
"""

import re

from mainspring.ports.traces import Sampling, TraceSettings, endpoint_fault
from mainspring.project.config.settings import Settings

__all__ = ["parse_traces"]

_KNOWN = ("endpoint", "sample", "headers", "service")
_TEXT = re.compile(r"\S(.*\S)?")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def parse_traces(settings: Settings, value: object, setting: str) -> TraceSettings | None:
    """The table's settings; None for a table that is empty."""
    table = settings.table(value, setting, known=_KNOWN)
    if not table:
        return None
    service = table.get("service", "")
    return TraceSettings(
        endpoint=_endpoint(settings, table.get("endpoint"), f"{setting}.endpoint"),
        sampling=Sampling(share=_share(settings, table.get("sample", 1.0), f"{setting}.sample")),
        headers=_headers(settings, table.get("headers", {}), f"{setting}.headers"),
        service=settings.text(service, f"{setting}.service", _TEXT, "a name") if service else "",
    )


def _endpoint(settings: Settings, value: object, setting: str) -> str:
    fault = endpoint_fault(value) if isinstance(value, str) else "there is none"
    if fault:
        wanted = "must be the address of a collector, such as http://localhost:4318"
        settings.fault(setting, f"{wanted}: {fault}")
        return ""
    return str(value)


def _share(settings: Settings, value: object, setting: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    settings.fault(setting, f"must be a share from 0 to 1, not {value!r}")
    return 1.0


def _headers(settings: Settings, value: object, setting: str) -> dict[str, str]:
    """For each header the environment variable that holds its value."""
    found = {}
    for name, reference in settings.table(value, setting).items():
        if not _HEADER.fullmatch(name):
            settings.fault(setting, f"has a name that is no name of a header: {name!r}")
            continue
        found[name] = settings.variable(reference, f"{setting}.{name}")
    return found
