"""The command that shows what a running server does."""

import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.errors import NoMetrics
from mainspring.app.cli.options import GivenPath, Invocation, WorkspaceVerb
from mainspring.app.cli.paint import Paint, columns

if TYPE_CHECKING:
    from mainspring.interface.traffic import Samples, Traffic

__all__ = ["top", "traffic_lines"]

_CLEAR = "\x1b[H\x1b[2J"
_TIMEOUT_S = 10.0


@click.command(cls=WorkspaceVerb)
@click.option(
    "--url",
    default="http://127.0.0.1:8000",
    show_default=True,
    metavar="URL",
    help="Where the server answers.",
)
@click.option(
    "--interval",
    "interval_s",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.1, 3_600),
    metavar="SECONDS",
    help="What is counted between two looks.",
)
@click.option(
    "--token-file",
    type=GivenPath(dir_okay=False, exists=True),
    metavar="FILE",
    help="Has the token, for a server without a project, such as `serve-model`.",
)
@click.option("--no-auth", is_flag=True, help="Ask without a token, of a server that needs none.")
@click.option("--once", is_flag=True, help="Show one interval and end.")
@click.pass_obj
def top(
    at: Invocation,
    /,
    *,
    url: str,
    interval_s: float,
    token_file: Path | None,
    no_auth: bool,
    once: bool,
) -> None:
    """Show what a server does now: requests, times, models, traffic.

    Rates and quantiles are those of the last interval.  With --json each interval is one document.
    Without --token-file and --no-auth it is the server of a project, whose token is the owner's.
    """
    from mainspring.interface.traffic import traffic_of

    token = _token_of(at, token_file, no_auth=no_auth)
    before, since = _scrape(url, token), time.monotonic()
    while True:
        time.sleep(interval_s)
        after, now = _scrape(url, token), time.monotonic()
        traffic = traffic_of(before, after, seconds=now - since)
        if not once and not at.as_json and sys.stdout.isatty():
            click.echo(_CLEAR, nl=False)
        at.answer(traffic, partial(traffic_lines, traffic))
        if once:
            return
        before, since = after, now


def _token_of(at: Invocation, token_file: Path | None, *, no_auth: bool) -> str:
    """The token of the server; empty where it needs none."""
    if no_auth:
        if token_file is not None:
            raise click.UsageError("--no-auth needs no token: leave out --token-file")
        return ""
    file = token_file or at.open().token()
    # What is no text is no token, and refused as one.
    return file.read_text(encoding="utf-8", errors="replace").strip()


def traffic_lines(traffic: "Traffic", paint: Paint) -> Iterator[str]:
    """A table of endpoints and one of routes."""
    said = [f"the last {traffic.seconds:.1f} s"]
    if traffic.map_version:
        said.append(f"environment version {traffic.map_version}")
        said.append(f"logs {traffic.log_bytes / 1e6:,.1f} MB")
    if traffic.queue_limit:
        said.append(f"queues of {traffic.queue_limit:,}")
    yield paint.quiet(", ".join(said))
    head = ["endpoint", "rows/s", "p50 ms", "p99 ms", "queued", "refused/s", "models", "traffic"]
    rows = [
        [
            each.endpoint,
            f"{each.rows_per_s:,.1f}",
            _time(each.p50_ms),
            _time(each.p99_ms),
            f"{each.queued:,}",
            f"{each.refused_per_s:,.1f}",
            ", ".join(f"{model} ({role})" for role, model in each.models.items()) or "none",
            ", ".join(f"{version} {share:.0%}" for version, share in each.shares.items()) or "–",
        ]
        for each in traffic.endpoints
    ]
    yield from columns([head, *rows], right=(1, 2, 3, 4, 5))
    yield ""
    head = ["route", "requests/s", "5xx/s", "p50 ms", "p99 ms", "in flight"]
    rows = [
        [
            each.route,
            f"{each.requests_per_s:,.1f}",
            f"{each.errors_per_s:,.1f}",
            _time(each.p50_ms),
            _time(each.p99_ms),
            f"{each.in_flight:,}",
        ]
        for each in traffic.routes
    ]
    yield from columns([head, *rows], right=(1, 2, 3, 4, 5))


def _time(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.2f}"


def _scrape(url: str, token: str) -> "Samples":
    """The metrics of a server.  Raises: NoMetrics ACC-008."""
    from mainspring.interface.traffic import parse_samples

    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/metrics")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            return parse_samples(answer.read().decode())
    except (OSError, ValueError) as error:
        raise NoMetrics(url=url.rstrip("/"), reason=str(error)) from error
