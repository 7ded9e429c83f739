"""What a monitor says of one window of production data."""

from collections.abc import Mapping, Sequence

import msgspec

from mainspring.elements.time import Micros
from mainspring.monitoring.limits.judgement import (
    FindingKind,
    Judgement,
    MonitorFinding,
    Unjudged,
    group_unjudged,
)
from mainspring.monitoring.limits.label import LabelledDay

__all__ = ["WindowReport", "report_of_window"]


class WindowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor measured and found in one window.

    Args:
        predictions: made in the window; labelled: of those days, with a label by now.
        judged: the subjects that were judged, by kind.
        unjudged: the subjects that were not, and why.
    """

    start: Micros
    end: Micros
    predictions: int
    labelled: int
    findings: tuple[MonitorFinding, ...]
    judged: Mapping[FindingKind, tuple[str, ...]]
    unjudged: tuple[Unjudged, ...]
    latest_labelled: LabelledDay | None = None


def report_of_window(
    start: Micros,
    end: Micros,
    *,
    predictions: int,
    judgements: Sequence[Judgement],
    days: Sequence[LabelledDay],
) -> WindowReport:
    """The report of what was judged.

    Args:
        days: the labelled ones that are remembered, oldest first.
    """
    judged: dict[FindingKind, tuple[str, ...]] = {}
    for each in judgements:
        if each.unjudged is None:
            judged[each.kind] = (*judged.get(each.kind, ()), each.subject)
    return WindowReport(
        start=start,
        end=end,
        predictions=predictions,
        labelled=sum(day.rows for day in days if start <= day.day < end),
        findings=tuple(finding for each in judgements for finding in each.found),
        judged=judged,
        unjudged=group_unjudged(judgements),
        latest_labelled=days[-1] if days else None,
    )
