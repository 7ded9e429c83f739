"""A plan as a notebook shows it."""

from collections.abc import Sequence

from mainspring.elements.html import html_page, html_table
from mainspring.project.kinds.stage import StageRecord, stage_kind
from mainspring.project.plan.diff import AssetChange

__all__ = ["render_plan_html"]


def render_plan_html(
    title: str, changes: Sequence[AssetChange], stages: Sequence[StageRecord]
) -> str:
    """What would change and what would run, as two tables; `explain` prints all of it."""
    return html_page(
        title,
        html_table(
            "Changes",
            ("asset", "change", "declared at", "fields", "because of"),
            [_change_cells(change) for change in changes],
        ),
        html_table(
            "Stages",
            ("", "stage", "asset", "rows", "why"),
            [(place, *_stage_cells(stage)) for place, stage in enumerate(stages, start=1)],
        ),
    )


def _change_cells(change: AssetChange) -> tuple[object, ...]:
    fields = ", ".join(each.field for each in change.fields)
    kind = change.change.replace("_", " ")
    return change.asset, kind, change.at, fields, ", ".join(change.because_of)


def _stage_cells(stage: StageRecord) -> tuple[object, ...]:
    rows = stage.estimate.rows if stage.estimate else None
    why = f"{stage.reason} (reused)" if stage.reuses else stage.reason
    return stage_kind(stage).replace("_", " "), stage.asset, rows, why
