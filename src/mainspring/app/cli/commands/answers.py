"""The commands that serve, predict, replay, monitor and simulate."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.execution import execution_of, execution_options
from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import (
    GivenPath,
    Invocation,
    WorkspaceVerb,
    access_log_option,
    option_words,
    server_option,
    telling_words,
    tls_files,
    tls_options,
    tls_words,
    traces_option,
    trust_option,
    worker_count,
    workers_option,
)
from mainspring.app.cli.output import live_line
from mainspring.app.cli.paint import Paint, columns, counted
from mainspring.app.cli.progress import DayProgress
from mainspring.app.cli.rows import read_rows
from mainspring.elements.identity import short
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from mainspring.monitoring.window import WindowReport
    from mainspring.serving.predict import Prediction
    from mainspring.serving.tracing.contributions import PredictionExplanation
    from mainspring.serving.tracing.replay import ReplayResult

__all__ = [
    "contribution_lines",
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
_PATIENCE_S = 5.0
_COMPILING = (
    "Loading the kernels: an installation compiles them when it first starts, for a minute."
)


@tls_options
@execution_options
@click.command(cls=WorkspaceVerb)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="0 chooses a free port.",
)
@click.option(
    "--as-of",
    default=None,
    metavar="TIME",
    help="Start the clock of the data at this time, to serve historical data.",
)
@trust_option
@click.option(
    "--health-port",
    default=None,
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Have the supervisor answer for health on this port.",
)
@click.option(
    "--supervise/--no-supervise",
    default=None,
    help="Replace a server that stands still.  [of a protected environment]",
)
@workers_option
@server_option
@access_log_option
@traces_option
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Answer requests to this host too, as a proxy passes them on; may be repeated.",
)
@click.pass_obj
def serve(
    at: Invocation,
    /,
    port: int,
    as_of: str | None,
    *,
    trust: Path | None,
    health_port: int | None,
    supervise: bool | None,
    workers: int | None,
    hosts: tuple[str, ...],
    access_log: str,
    traces: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    **execution: str | float | None,
) -> int:
    """Serve predictions over HTTP until stopped.

    The server follows the environment: after apply, promote or rollback it serves the new version
    within a second, and no request fails in between.

    In a protected environment, and with --supervise, --workers or --health-port, a supervisor that
    loads no model runs the server as other processes, in a protected environment one for each core.
    It starts a new one when an event loop has not turned for ten seconds, when a request has kept a
    thread for five minutes, or when one died.
    """
    files = tls_files(tls_cert, tls_key, client_ca)
    declared = execution_of(at.settings(trust).execution, **execution)
    is_supervised = at.settings(trust).protected if supervise is None else supervise
    if workers is not None and supervise is False:
        raise click.UsageError("--workers needs a supervisor: leave --no-supervise out")
    if health_port is not None or workers is not None or is_supervised:
        from mainspring.engines.local.supervise import supervise_server

        words = at.words("serve", "--no-supervise", *(["--as-of", as_of] if as_of else []))
        words += ["--trust", str(trust)] if trust else []
        words += [word for name in hosts for word in ("--allow-host", name)]
        words += tls_words(files or at.declared_tls(trust))
        words += telling_words(access_log, traces)
        words += option_words(**execution)
        count = workers or (worker_count() if at.settings(trust).protected else 1)
        return supervise_server(
            words, port=port, health_port=health_port, announce=at.note, workers=count
        )
    workspace = at.open(trust=trust)
    waiting = threading.Timer(_PATIENCE_S, at.note, [_COMPILING])
    waiting.daemon = True
    waiting.start()

    def announce(line: str) -> None:
        waiting.cancel()
        # Standard output is the log's alone where it goes there.
        _say_at_once(line, err=access_log == "-")

    try:
        workspace.serve(
            port,
            as_of,
            hosts=hosts,
            tls=files,
            access_log=access_log,
            execution=declared,
            traces=traces,
            announce=announce,
        )
    finally:
        waiting.cancel()
    return 0


@click.command(cls=WorkspaceVerb)
@click.argument("endpoint")
@click.argument("file", default="-", metavar="[FILE]", type=GivenPath(path_type=str))
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="JSON",
    help="A row, in place of a file; may be repeated.",
)
@trust_option
@click.pass_obj
def predict(
    at: Invocation, endpoint: str, file: str, *, rows: tuple[str, ...], trust: Path | None
) -> None:
    """Predict with an endpoint, without a server.

    Rows come from --row, from FILE, or from standard input, as JSON: one object, an array, or one
    object on each line.
    """
    predictions = at.open(trust=trust).predict(endpoint, read_rows(file, rows))
    at.answer(predictions, lambda paint: prediction_lines(predictions, paint))
    if predictions:
        at.note(f"\nExplain this prediction: mainspring replay {predictions[0].id}")


@click.command(cls=WorkspaceVerb)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="The newest N predictions, in place of ids.",
)
@click.option(
    "--explain", is_flag=True, help="Say what each feature has added to the raw score, too."
)
@click.pass_obj
def replay(at: Invocation, ids: tuple[str, ...], last: int | None, *, explain: bool) -> int:
    """Recompute predictions and compare them byte by byte.

    They are recomputed from the log and the artifacts, not from the online state that served them.

    For one id a full trace is printed, for several a count.  Exit code 1 unless all are identical;
    what was answered on a GPU has to be equal within 0.0001, since it is recomputed on the CPU.
    """
    if bool(ids) == bool(last):
        raise click.UsageError("give the ids of predictions, or --last N for the newest")
    workspace = at.open()
    predictions = ids or tuple(workspace.latest_predictions(last or 0))
    if not predictions:
        raise click.UsageError(f"there is no prediction in {at.environment} yet")
    trace = workspace.trace(predictions[0]) if len(predictions) == 1 else None
    replays = [trace.replay] if trace else workspace.replay(predictions)
    explained = workspace.explain_predictions(predictions) if explain else []
    at.answer(
        {"replays": replays, "trace": trace} | ({"explanations": explained} if explain else {}),
        lambda paint: [
            *replay_lines(replays, paint),
            *(["", *trace.lines] if trace else []),
            *(line for each in explained for line in contribution_lines(each, paint)),
        ],
    )
    return 0 if all(answer.outcome.is_reproduced for answer in replays) else EXIT_REFUSED


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
    return EXIT_REFUSED if report.findings else 0


def watch_lines(report: "WindowReport", paint: Paint) -> Iterator[str]:
    """What was compared, and the findings."""
    yield (
        f"{format_instant(report.start)} to {format_instant(report.end)}: "
        f"{report.predictions:,} predictions, {report.labelled:,} labels"
    )
    yield from (
        f"{paint.mark(False)} {finding.kind}: {finding.sentence}" for finding in report.findings
    )
    judged = sum(map(len, report.judged.values()))
    if judged and not report.findings:
        yield f"{paint.mark(True)} nothing exceeds its limit, {counted(judged, 'subject')} judged"
    yield from (paint.quiet(f"· not judged: {each.words}") for each in report.unjudged)


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
@click.option(
    "--days", required=True, type=click.IntRange(1, 3_660), metavar="N", help="How many days."
)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same output.")
@click.option(
    "--inject",
    multiple=True,
    metavar="FAULT",
    help="Inject a fault, such as unit-change:dep_delay@2013-11-15; may be repeated.",
)
@click.pass_obj
def simulate(at: Invocation, start: str, days: int, *, seed: int, inject: tuple[str, ...]) -> None:
    """Simulate months of production on a virtual clock.

    Predictions are requested at their time, facts arrive at theirs, and monitors run each night.
    It runs in temporary stores; nothing in the workspace changes.
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
    """A score, of several classes the predicted one, and an id for each row, in row order."""
    yield paint.quiet(
        f"version {short(predictions[0].version)}, features as of "
        f"{format_instant(predictions[0].at)}"
    )
    yield from columns(
        [
            [
                f"{each.score:.4f}",
                *([each.predicted_class] if each.predicted_class else []),
                each.id,
            ]
            for each in predictions
        ],
        right=(0,),
    )


def replay_lines(replays: Sequence["ReplayResult"], paint: Paint) -> Iterator[str]:
    """How many are identical, and what differs in the others."""
    counts = Counter(str(answer.outcome) for answer in replays)
    summary = ", ".join(
        f"{count:,}/{len(replays):,} {outcome}"
        for outcome, count in sorted(counts.items(), key=lambda item: -item[1])
    )
    others = [answer for answer in replays if not answer.outcome.is_reproduced]
    yield f"{paint.mark(not others)} {summary or 'no prediction to replay'}"
    if others:
        yield from columns(
            [[answer.prediction, str(answer.outcome), answer.reason] for answer in others[:_SHOWN]]
        )
    if len(others) > _SHOWN:
        yield paint.quiet(f"  and {len(others) - _SHOWN:,} more")
    for name, (served, now) in others[0].differing.items() if len(replays) == 1 and others else ():
        yield f"    {name}: {served} was served, {now} is recomputed"


def contribution_lines(found: "PredictionExplanation", paint: Paint) -> Iterator[str]:
    """What each feature has added, the largest in size first."""
    named = found.explained_class
    of_class = f" of class {named}" if isinstance(named, str) else ""
    told = f"raw score {found.raw:.4f}{of_class}, of which"
    yield ""
    yield (
        f"{paint.title(found.prediction)} {paint.quiet(told)}"
        f" {found.base:.4f} {paint.quiet('is the average of the training rows')}"
    )
    yield from columns(
        [
            [f"{share:+.4f}", name, paint.quiet(f"= {found.values[name]}")]
            for name, share in found.contributions.items()
        ],
        right=(0,),
    )


def _say_at_once(text: str, *, err: bool = False) -> None:
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{text}\n")
    stream.flush()
