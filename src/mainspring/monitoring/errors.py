"""What can go wrong with monitors."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import MonitoringError

__all__ = ["NoBaseline"]


@dataclass(eq=False, kw_only=True)
class NoBaseline(MonitoringError):
    """A monitor compares with the rows that the model was taught on; this version has no summary of them."""

    code: ClassVar[str] = "MON-001"
    template: ClassVar[str] = "monitor {monitor} has no baseline for {version}"
    remedy: ClassVar[str] = "run `mainspring apply`: it builds the baseline with the model"
    monitor: str
    version: str
