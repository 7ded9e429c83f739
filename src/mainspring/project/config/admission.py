"""`[environments.NAME.admission]`: how many requests may wait, and how often callers may ask."""

from collections.abc import Mapping

from mainspring.project.config.settings import Settings
from mainspring.serving.admission.limits import (
    LONGEST_QUEUE,
    MOST_PER_S,
    AdmissionLimits,
    CallerRate,
)

__all__ = ["parse_admission"]

_KNOWN = ("queue", "requests_per_s", "burst", "callers")
_OF_CALLER = ("requests_per_s", "burst")


def parse_admission(settings: Settings, value: object, setting: str) -> AdmissionLimits:
    """The table's settings."""
    table = settings.table(value, setting, known=_KNOWN)
    default = AdmissionLimits()
    callers = settings.table(table.get("callers", {}), f"{setting}.callers")
    return AdmissionLimits(
        queue=settings.whole(
            table.get("queue", default.queue), f"{setting}.queue", most=LONGEST_QUEUE
        ),
        rate=_rate(settings, table, setting),
        callers={
            name: _caller(settings, each, f"{setting}.callers.{name}")
            for name, each in callers.items()
        },
    )


def _caller(settings: Settings, value: object, setting: str) -> CallerRate:
    return _rate(settings, settings.table(value, setting, known=_OF_CALLER), setting)


def _rate(settings: Settings, table: Mapping[str, object], setting: str) -> CallerRate:
    """A rate; a burst that is not given is what comes in a second."""
    per_s = table.get("requests_per_s", 0)
    is_number = isinstance(per_s, int | float) and not isinstance(per_s, bool)
    if not is_number or not 0 <= per_s <= MOST_PER_S:  # type: ignore[operator]
        wanted = f"must be a number from 0 (no limit) to {MOST_PER_S:,}"
        settings.fault(f"{setting}.requests_per_s", f"{wanted}, not {per_s!r}")
        per_s = 0
    rate = float(per_s)  # type: ignore[arg-type]
    burst = table.get("burst", max(1, round(rate)))
    return CallerRate(rate, settings.whole(burst, f"{setting}.burst", most=MOST_PER_S))
