"""The commands about features: which views and feature sets there are and how fresh, what one view
means and its values, and whether online and recomputed features are equal.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import Invocation, WorkspaceGroup, WorkspaceVerb
from mainspring.app.cli.paint import Paint, columns, counted, format_age, format_size, sparks
from mainspring.elements.schema import DType
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from mainspring.features.distribution import Distribution
    from mainspring.monitoring.parity import ParityCheckReport, ParityCount
    from mainspring.project.catalog import (
        FeatureSetListing,
        FeaturesReport,
        SourceClocks,
        ViewReport,
        ViewStatus,
    )

__all__ = ["features", "features_lines", "parity_lines", "test", "view_lines"]


@click.group(cls=WorkspaceGroup, invoke_without_command=True)
@click.pass_context
def features(ctx: click.Context) -> None:
    """Show feature views, how fresh and large they are, and feature sets.

    Of a view it shows freshness, size and lag of its online state; of a set how many features it
    has, and of which views.  Nothing is materialized.  It reads all online state, about four
    seconds for a million keys.
    """
    if ctx.invoked_subcommand is None:
        at = ctx.ensure_object(Invocation)
        report = at.open().feature_views.report()
        at.answer(report, lambda paint: features_lines(report, paint))


@features.command("show", cls=WorkspaceVerb)
@click.argument("name", metavar="VIEW")
@click.option(
    "--keys",
    default=1_000,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="How many keys of each entity to sample.",
)
@click.pass_obj
def show(at: Invocation, name: str, keys: int) -> None:
    """Explain a view, and show the distribution of its present values.

    The explanation covers windows and their edges, ttl and hop, the event time and known_at of its
    sources, and how equality of batch and online is ensured.  The distribution of each feature is
    over a sample of keys: 16 equal bins from the 1st to the 99th percentile, and the values at 5,
    50 and 95 %.
    """
    report = at.open().feature_views.show(name, keys=keys)
    at.answer(report, lambda paint: view_lines(report, paint))


@click.command(cls=WorkspaceVerb)
@click.option(
    "--parity",
    is_flag=True,
    help="Features as they were served equal those recomputed, byte for byte.",
)
@click.option(
    "--rows",
    default=200,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Predictions of each endpoint, and keys of each view.",
)
@click.pass_obj
def test(at: Invocation, *, parity: bool, rows: int) -> int:
    """Check that served features equal recomputed ones.

    --parity recomputes the features of the newest predictions, and of random keys of every view,
    from log and tables, for the same log position and prediction time.  If a single byte differs,
    the exit code is 1 and an incident is opened.
    """
    if not parity:
        raise click.UsageError("choose what to test: --parity")
    report = at.open().parity.test(rows)
    at.answer(report, lambda paint: parity_lines(report, paint))
    return EXIT_REFUSED if report.mismatched else 0


def features_lines(report: "FeaturesReport", paint: Paint) -> Iterator[str]:
    """One line for each view and each feature set."""
    if not report.views:
        yield f"{paint.name(report.environment)} declares no feature view"
        return
    yield (
        f"{paint.title(report.environment)} {paint.quiet(f'at {format_instant(report.at)[:19]}Z')}"
    )
    yield from columns(
        [[paint.name(view.name), *_status_cells(view, paint)] for view in report.views],
        right=(2, 3, 4, 5),
    )
    if report.sets:
        yield ""
        yield paint.title("Feature sets")
        yield from columns([_set_cells(each, paint) for each in report.sets], right=(1,))


def _set_cells(found: "FeatureSetListing", paint: Paint) -> list[str]:
    standing = "" if found.standing == "as declared" else paint.warn(found.standing)
    features = counted(len(found.features), "feature")
    return [paint.name(found.name), features, ", ".join(found.views), standing]


def _status_cells(view: "ViewStatus", paint: Paint) -> list[str]:
    what = [", ".join(view.entities), counted(len(view.outputs), "feature")]
    standing = "" if view.standing == "as declared" else paint.warn(view.standing)
    if not view.is_folded:
        return [*what, "", "", "", paint.quiet("no online state yet"), "", standing]
    behind = paint.warn(f"{counted(view.lag, 'record')} behind") if view.lag else "up to date"
    return [
        *what,
        counted(view.folded, "record"),
        counted(view.keys, "key"),
        format_size(view.size_bytes),
        _newest(view),
        behind,
        standing,
    ]


def view_lines(report: "ViewReport", paint: Paint) -> Iterator[str]:
    """A view explained, and the distributions of its features."""
    from mainspring.features.explanation import render_view_explanation

    first, *rest = render_view_explanation(report.explanation).splitlines()
    standing = report.status.standing
    yield (
        paint.title(first)
        if standing == "as declared"
        else f"{paint.title(first)} {paint.warn(f'({standing})')}"
    )
    yield from rest
    yield ""
    yield from columns([[clocks.source, *_clock_cells(clocks, paint)] for clocks in report.clocks])
    yield from _state_lines(report.status)
    yield ""
    if report.silence:
        yield paint.quiet(f"no values to show: {report.silence}")
        return
    yield (
        f"{paint.title('Values')} "
        f"{paint.quiet(f'at {format_instant(report.at)[:19]}Z, of at most {report.sampled:,}')}"
        f"{paint.quiet(' keys of each entity')}"
    )
    yield from columns(
        [_distribution_cells(spread, paint) for spread in report.distributions], right=(2,)
    )


def _state_lines(state: "ViewStatus") -> Iterator[str]:
    if state.is_folded:
        known = (
            "" if state.visible_age is None else f", newest known {format_age(state.visible_age)}"
        )
        yield (
            f"  {counted(state.folded, 'record')}, {counted(state.keys, 'key')}, "
            f"{format_size(state.size_bytes)}; {_newest(state)}{known}; "
            f"{state.lag:,} behind the log"
        )


def _newest(state: "ViewStatus") -> str:
    if state.event_age is not None:
        return f"newest event {format_age(state.event_age)}"
    return "no event times" if state.folded and state.keys else "no event yet"


def _clock_cells(clocks: "SourceClocks", paint: Paint) -> list[str]:
    if clocks.event_time == "none":
        return ["no event time", "always visible", ""]
    known = (
        "known at once" if clocks.known_at == clocks.event_time else f"known at {clocks.known_at}"
    )
    return [
        f"happens at {clocks.event_time}",
        known,
        paint.warn("assumed") if clocks.is_assumed else "",
    ]


def _distribution_cells(spread: "Distribution", paint: Paint) -> list[str]:
    share = f"{spread.nulls / spread.asked:.0%} null" if spread.nulls else ""
    return [spread.column, sparks(spread.bins), share, _ranks(spread, paint)]


def _ranks(spread: "Distribution", paint: Paint) -> str:
    there = spread.asked - spread.nulls
    if spread.common:
        return ", ".join(f"{value} {count / there:.0%}" for value, count in spread.common)
    if spread.p5 is None or spread.p50 is None or spread.p95 is None:
        return paint.quiet("no value")
    low, middle, high = (
        _render_quantile(value, spread.dtype) for value in (spread.p5, spread.p50, spread.p95)
    )
    unit = " elements" if spread.of == "lengths" else ""
    return (
        f"always {middle}{unit}"
        if low == high and not spread.bins
        else f"5 % {low} · 50 % {middle} · 95 % {high}{unit}"
    )


def _render_quantile(value: float, dtype: DType) -> str:
    match dtype:
        case DType.TIMESTAMP:
            return f"{format_instant(int(value))[:19]}Z"
        case DType.DURATION:
            return format_age(int(value)).removesuffix(" ago")
        case _:
            return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def parity_lines(report: "ParityCheckReport", paint: Paint) -> Iterator[str]:
    """What was compared, and what differs."""
    if report.mismatched:
        yield (
            f"{paint.mark(False)} {report.mismatched:,} of "
            f"{counted(report.checked, 'read')} differ from the values recomputed from the log"
        )
    elif report.checked:
        yield (
            f"{paint.mark(True)} {counted(report.checked, 'read')} recomputed from the log: "
            f"the same bytes"
        )
    else:
        yield f"{paint.quiet('·')} nothing could be compared in {paint.name(report.environment)}"
    yield from (
        columns([_count_cells(count, paint) for count in report.counts], right=(2,))
        if report.counts
        else ()
    )
    for count in report.counts:
        if count.example:
            yield paint.bad(f"  {count.subject}: {count.example}")


def _count_cells(count: "ParityCount", paint: Paint) -> list[str]:
    compared = counted(count.checked, "read")
    missing = [
        f"{count.unavailable:,} not available: {count.reason}"
        if count.unavailable
        else count.reason
    ]
    differing = [paint.bad(f"{count.mismatched:,} differ")] if count.mismatched else []
    return [
        paint.mark(not count.mismatched) if count.checked else paint.quiet("·"),
        count.subject,
        compared,
        "; ".join(filter(None, [*differing, *missing])),
    ]
