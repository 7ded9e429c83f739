"""The commands that ask: for predictions, for how they came about, and for how it would have
gone.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.faults import REFUSED
from mainspring.app.cli.options import Invocation, WorkspaceVerb
from mainspring.app.cli.output import live_line
from mainspring.app.cli.paint import Paint, columns
from mainspring.app.cli.progress import DayProgress
from mainspring.app.cli.rows import read_rows
from mainspring.elements.identity import short
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from mainspring.monitoring.window import WindowReport
    from mainspring.serving.predict import Prediction
    from mainspring.serving.tracing.replay import ReplayResult

__all__ = [
    "lineage",
    "predict",
    "prediction_lines",
    "replay",
    "replay_lines",
    "serve",
    "simulate",
    "watch",
    "watch_lines",
]

_SHOWN = 20
_GOOD = frozenset({"identical"})


@click.command(cls=WorkspaceVerb)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="0 takes a free one.",
)
@click.option(
    "--as-of",
    default=None,
    metavar="TIME",
    help="Start the clock of the data there, to serve history.",
)
@click.pass_obj
def serve(at: Invocation, port: int, as_of: str | None) -> None:
    """Answer predictions over HTTP until stopped.

    Follows the environment: what is applied, promoted or rolled back is served within a second, and
    no request fails meanwhile.
    """
    at.open().serve(port, as_of, announce=_say_at_once)


@click.command(cls=WorkspaceVerb)
@click.argument("endpoint")
@click.argument("file", default="-", metavar="[FILE]")
@click.option(
    "--row", "rows", multiple=True, metavar="JSON", help="A row instead of a file; may be repeated."
)
@click.pass_obj
def predict(at: Invocation, endpoint: str, file: str, rows: tuple[str, ...]) -> None:
    """Ask an endpoint, without a server.

    Rows come from --row, from FILE, or from standard input, as JSON: one object, an array, or one
    object on each line.
    """
    predictions = at.open().predict(endpoint, read_rows(file, rows))
    at.answer(predictions, lambda paint: prediction_lines(predictions, paint))
    if predictions:
        at.note(f"\nHow it came about: mainspring replay {predictions[0].id}")


@click.command(cls=WorkspaceVerb)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="The newest N predictions instead of ids.",
)
@click.pass_obj
def replay(at: Invocation, ids: tuple[str, ...], last: int | None) -> int:
    """Recompute predictions, and compare them byte by byte.

    They are recomputed from the log and the artifacts, not from what was served.

    One id tells its whole story; several are counted.  Exit code 1 unless all came out identical.
    """
    if bool(ids) == bool(last):
        raise click.UsageError("name predictions, or say how many of the newest: --last N")
    workspace = at.open()
    asked = ids or tuple(workspace.latest_predictions(last or 0))
    if not asked:
        raise click.UsageError(f"no prediction was made in {at.environment} yet")
    story = workspace.trace(asked[0]) if len(asked) == 1 else None
    replays = [story.replay] if story else workspace.replay(asked)
    at.answer(
        {"replays": replays, "story": story},
        lambda paint: [*replay_lines(replays, paint), *(["", *story.lines] if story else [])],
    )
    return 0 if all(answer.outcome in _GOOD for answer in replays) else REFUSED


@click.command(cls=WorkspaceVerb)
@click.argument("monitor")
@click.pass_obj
def watch(at: Invocation, monitor: str) -> int:
    """Evaluate a monitor on its current window.

    A server evaluates it by itself at the end of every window.  Exit code 1 when a limit is
    exceeded.
    """
    report = at.open().monitors.run(monitor)
    at.answer(report, lambda paint: watch_lines(report, paint))
    return REFUSED if report.findings else 0


def watch_lines(report: "WindowReport", paint: Paint) -> Iterator[str]:
    """What was compared, and what was found."""
    yield (
        f"{format_instant(report.start)} to {format_instant(report.end)}: "
        f"{report.predictions:,} predictions, {report.labelled:,} labels"
    )
    yield from (
        f"{paint.mark(False)} {finding.kind}: {finding.sentence}" for finding in report.findings
    )
    if not report.findings:
        yield f"{paint.mark(True)} nothing exceeds the limits fitted on the baseline's days"


@click.command(cls=WorkspaceVerb)
@click.argument("asset")
@click.pass_obj
def lineage(at: Invocation, asset: str) -> None:
    """Show what an asset is made from, down to the raw files.

    ASSET is an endpoint, model, training set, view or source, by name.
    """
    found = at.open().lineage(asset)
    at.answer(found, lambda _: found.lines())


@click.command(cls=WorkspaceVerb)
@click.option("--from", "start", required=True, metavar="DATE", help="The first day.")
@click.option("--days", required=True, type=click.IntRange(min=1), help="How many days.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same output.")
@click.option(
    "--inject",
    multiple=True,
    metavar="FAULT",
    help="Plant a fault, such as unit-change:dep_delay@2013-11-15; may be repeated.",
)
@click.pass_obj
def simulate(at: Invocation, start: str, days: int, *, seed: int, inject: tuple[str, ...]) -> None:
    """Live through months of data in minutes, as if they happened now.

    Predictions are asked at their time, facts arrive at theirs, monitors run each night.  Nothing
    of it stays.
    """
    progress = DayProgress(live_line(sys.stderr), days=days)
    report = at.open().simulate(
        start=start,
        days=days,
        seed=seed,
        inject=inject,
        on_day=lambda day: progress.on_day(format_instant(day.start)[:10]),
    )
    progress.end()
    at.answer(report, lambda _: [report.render()])


def prediction_lines(predictions: Sequence["Prediction"], paint: Paint) -> Iterator[str]:
    """A score and an id for each row, in their order."""
    yield paint.quiet(
        f"version {short(predictions[0].version)}, features as of "
        f"{format_instant(predictions[0].at)}"
    )
    yield from columns(
        [[f"{prediction.score:.4f}", prediction.id] for prediction in predictions], right=(0,)
    )


def replay_lines(replays: Sequence["ReplayResult"], paint: Paint) -> Iterator[str]:
    """How many came out the same, and what is wrong with the others."""
    counts = Counter(str(answer.outcome) for answer in replays)
    said = ", ".join(
        f"{count:,}/{len(replays):,} {outcome}"
        for outcome, count in sorted(counts.items(), key=lambda item: -item[1])
    )
    others = [answer for answer in replays if answer.outcome not in _GOOD]
    yield f"{paint.mark(not others)} {said or 'no prediction to replay'}"
    if others:
        yield from columns(
            [[answer.prediction, str(answer.outcome), answer.reason] for answer in others[:_SHOWN]]
        )
    if len(others) > _SHOWN:
        yield paint.quiet(f"  and {len(others) - _SHOWN:,} more")
    for name, (told, now) in others[0].differing.items() if len(replays) == 1 and others else ():
        yield f"    {name}: {told} was told, {now} comes out now"


def _say_at_once(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
