"""The command that shows what a running server does."""

import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from mainspring.app.cli.errors import NoMetrics
from mainspring.app.cli.options import Invocation, WorkspaceVerb
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
@click.option("--once", is_flag=True, help="Show one interval and end.")
@click.pass_obj
def top(at: Invocation, *, url: str, interval_s: float, once: bool) -> None:
    """Show what a server does now: requests, times, models, traffic.

    Rates and quantiles are those of the last interval.  With --json each interval is one document.
    """
    from mainspring.interface.traffic import traffic_of

    token = at.open().token().read_text(encoding="utf-8").strip()
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


def traffic_lines(traffic: "Traffic", paint: Paint) -> Iterator[str]:
    """A table of endpoints and one of routes."""
    megabytes = traffic.log_bytes / 1e6
    yield paint.quiet(
        f"the last {traffic.seconds:.1f} s, environment version {traffic.map_version}, "
        f"logs {megabytes:,.1f} MB"
    )
    head = ["endpoint", "rows/s", "p50 ms", "p99 ms", "models", "traffic"]
    rows = [
        [
            each.endpoint,
            f"{each.rows_per_s:,.1f}",
            _time(each.p50_ms),
            _time(each.p99_ms),
            ", ".join(f"{model} ({role})" for role, model in each.models.items()) or "none",
            ", ".join(f"{version} {share:.0%}" for version, share in each.shares.items()) or "–",
        ]
        for each in traffic.endpoints
    ]
    yield from columns([head, *rows], right=(1, 2, 3))
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
        request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            return parse_samples(answer.read().decode())
    except (OSError, ValueError) as error:
        raise NoMetrics(url=url.rstrip("/"), reason=str(error)) from error
