"""What can go wrong with monitors."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import MonitoringError

__all__ = ["NoBaseline", "UnreadableBaseline", "UnreadableMonitor"]


@dataclass(eq=False, kw_only=True)
class NoBaseline(MonitoringError):
    """A model version has no baseline, which a monitor compares with: a summary of the rows that
    the model was trained on.
    """

    code: ClassVar[str] = "MON-001"
    template: ClassVar[str] = "monitor {monitor} has no baseline for {version}"
    remedy: ClassVar[str] = "run `mainspring apply`: it builds the baseline with the model"
    monitor: str
    version: str


@dataclass(eq=False, kw_only=True)
class UnreadableBaseline(MonitoringError):
    """A baseline was written in a format that this release cannot read.  It is a summary, and can
    be made again from the rows that the model was trained on.
    """

    code: ClassVar[str] = "MON-002"
    template: ClassVar[str] = "a baseline cannot be read: {reason}"
    remedy: ClassVar[str] = "run `mainspring run MODEL`, which makes the baseline again"
    reason: str


@dataclass(eq=False, kw_only=True)
class UnreadableMonitor(MonitoringError):
    """The definition that an environment holds of a monitor, or of the endpoint that it monitors,
    has a field that this release does not read.
    """

    code: ClassVar[str] = "MON-003"
    template: ClassVar[str] = "the definition of {asset} has the field {field} as {found}"
    remedy: ClassVar[str] = "use the release that applied it last, or a later one"
    asset: str
    field: str
    found: str
