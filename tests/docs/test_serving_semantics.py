"""The page of serving semantics says what the code does: neither can change alone."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import pytest

from mainspring.app.http.problem import status_of
from mainspring.elements.errors import MainspringError
from mainspring.engines.http import drain
from mainspring.engines.local.access_log import AccessLogLimits
from mainspring.engines.local.supervisor import SupervisorLimits
from mainspring.engines.otel.export import SpanExportLimits
from mainspring.ports import limits
from mainspring.ports.limits import HttpLimits
from mainspring.serving.admission import AdmissionLimits, Priority
from mainspring.serving.admission.queue import room_for
from mainspring.serving.execution.declared import LONGEST_GATHER_MS, Execution
from mainspring.serving.execution.gather import MOST_GATHERED_ROWS
from tools.error_pages import error_classes
from tools.source_tree import ROOT

PAGE = (ROOT / "docs" / "serving-semantics.md").read_text()
FACTOR = {"": 1, "s": 1, "KiB": 1 << 10, "MiB": 1 << 20}


def _rows(heading: str) -> Iterator[list[str]]:
    """The cells of the first table after some text, without its head."""
    lines = PAGE[PAGE.index(heading) :].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| --- "))
    for line in lines[first + 1 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]


def _values(heading: str) -> dict[str, float]:
    """The second column as numbers, by the first."""
    found: dict[str, float] = {}
    for name, value, *_ in _rows(heading):
        number, _, unit = value.partition(" ")
        assert name not in found, f"{name} has two rows"
        found[name] = float(number) * FACTOR[unit]
    return found


def _constants() -> Mapping[str, float]:
    return {name: getattr(limits, name) for name in limits.__all__ if name.startswith("MAX_")}


def test_page_has_every_limit_of_http_with_its_value():
    assert _values("## Limits of requests and connections") == asdict(HttpLimits())


def test_page_has_every_limit_of_what_a_body_says():
    assert _values("Of what a body says:") == _constants()


def test_page_has_the_limits_of_requests_that_wait_for_others():
    assert _values("Of requests that [wait for others]") == {
        "gather_ms": Execution().gather_ms,
        "MOST_GATHERED_ROWS": MOST_GATHERED_ROWS,
    }
    assert f"at most {LONGEST_GATHER_MS} " in PAGE


def test_page_has_the_limits_of_the_access_log():
    assert _values("Of the access log") == asdict(AccessLogLimits())


def test_page_has_the_limits_of_traces():
    assert _values("Of the traces") == asdict(SpanExportLimits())


def test_page_has_the_limits_of_admission():
    found = AdmissionLimits()
    assert _values("## Admission") == {
        "queue": found.queue,
        "shadow requests": room_for(Priority.SHADOW, found.queue),
        "batch requests": room_for(Priority.BATCH, found.queue),
        "requests_per_s": found.rate.per_s,
        "burst": found.rate.burst,
    }


def test_page_has_the_times_of_an_end_and_of_a_supervisor():
    assert _values("## The end of a server") == {
        "DRAIN_S": drain.DRAIN_S,
        "IDLE_S": drain.IDLE_S,
        **asdict(SupervisorLimits()),
    }


def _statuses() -> dict[str, int]:
    return {code.removeprefix("every other "): int(to) for code, to, *_ in _rows("## Status codes")}


def _elsewhere() -> set[str]:
    return {code for code, *_ in _rows("These codes are no answers")}


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.code)
def test_page_has_the_status_of_every_error(error: type[MainspringError]):
    if error.code in _elsewhere():
        return
    statuses, family = _statuses(), error.code[:3]
    where = error.code if error.code in statuses else family
    # Without its fields: the status of an error is that of its class.
    assert statuses.get(where, statuses["code"]) == status_of(error.__new__(error))


def test_every_serving_code_has_one_row_and_no_row_a_code_that_is_gone():
    statuses, elsewhere = _statuses(), _elsewhere()
    codes = {error.code for error in error_classes()}
    serving = {code for code in codes if code.startswith("SRV-")}
    named = {code for code in statuses if re.fullmatch(r"[A-Z]{3}-\d{3}", code)}
    assert not named & elsewhere
    assert {code for code in named | elsewhere if code.startswith("SRV-")} == serving
    assert named | elsewhere <= codes
