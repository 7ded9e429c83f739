"""`[environments.NAME.inference_log]`: how predictions are logged where endpoints do not say it."""

from collections.abc import Mapping

from mainspring.project.config.settings import Settings
from mainspring.serving.inference.errors import LogIncomplete
from mainspring.serving.inference.spec import DURABILITIES, InferenceLog, is_share

__all__ = ["parse_inference_log"]

_KNOWN = ("durability", "sample", "asynchronous")


def parse_inference_log(
    settings: Settings, value: object, setting: str, *, protected: bool
) -> InferenceLog:
    """The table's settings; in a protected environment what lets predictions be missing is a fault,
    LogIncomplete SRV-110.
    """
    table = settings.table(value, setting, known=_KNOWN)
    durability = table.get("durability")
    found = next((each for each in DURABILITIES if each == durability), None)
    if durability is not None and found is None:
        problem = f"must be {' or '.join(map(repr, DURABILITIES))}, not {durability!r}"
        settings.fault(f"{setting}.durability", problem)
    log = InferenceLog(
        durability=found,
        sample=_sample(settings, table, setting),
        asynchronous=settings.flag(table["asynchronous"], f"{setting}.asynchronous")
        if "asynchronous" in table
        else None,
    )
    if protected and log.gaps:
        name = "sample" if "sample=" in log.gaps else "asynchronous"
        environment = setting.split(".")[1]
        settings.faults.append(
            LogIncomplete(
                where=f"[{setting}]",
                declared=log.gaps,
                environment=environment,
                at=settings.location(f"{setting}.{name}"),
            )
        )
    return log


def _sample(settings: Settings, table: Mapping[str, object], setting: str) -> float | None:
    share = table.get("sample")
    if isinstance(share, int | float) and is_share(share):
        return float(share)
    if share is not None:
        settings.fault(f"{setting}.sample", f"must be a share from 0 to 1, not {share!r}")
    return None
