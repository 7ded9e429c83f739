"""Which calls are traced, and by which ids."""

from collections.abc import Mapping
from random import Random

import pytest

from mainspring.ports.traces import (
    Sampling,
    SpanRecord,
    Tracer,
    endpoint_fault,
    parse_traceparent,
    passed_on,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


def traced(sampling: Sampling, headers: Mapping[str, str] = {}, *, of: int = 1) -> int:
    """How many of so many calls are traced."""
    tracer = Tracer([].append, sampling, random=Random(1))
    return sum(tracer.begin(headers) is not None for _ in range(of))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f" {SAMPLED}",
        f"{SAMPLED}\n",
    ],
)
def test_what_is_no_traceparent_is_as_if_there_were_none(text):
    assert parse_traceparent(text) is None
    # The call is the first of a trace of its own then.
    assert traced(Sampling(share=1.0), {"traceparent": text}) == 1
    assert traced(Sampling(share=0.0), {"traceparent": text}) == 0


def test_a_later_version_may_say_more():
    parent = parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-the-future-holds")
    assert parent.is_sampled
    assert f"{parent.context.trace_id:032x}" == TRACE


@pytest.mark.parametrize(
    ("sampling", "sampled", "unsampled", "alone"),
    [
        (Sampling(), 1, 0, 1),
        (Sampling(share=0.0), 1, 0, 0),
        (Sampling(heeds_parent=False), 1, 1, 1),
        (Sampling(share=0.0, heeds_parent=False), 0, 0, 0),
    ],
)
def test_a_parent_decides_where_it_is_heeded(sampling, sampled, unsampled, alone):
    assert traced(sampling, {"traceparent": SAMPLED}) == sampled
    assert traced(sampling, {"traceparent": UNSAMPLED}) == unsampled
    assert traced(sampling) == alone


def test_a_share_takes_about_so_many_and_everywhere_the_same_traces():
    assert 900 < traced(Sampling(share=0.1), of=10_000) < 1_100
    by_id = Sampling(share=0.5, heeds_parent=False)
    ids = [f"{number:032x}" for number in (1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)]
    found = [traced(by_id, {"traceparent": f"00-{each}-{SPAN}-01"}) for each in ids]
    assert found == [1, 1, 0, 0]


def test_a_span_is_a_part_of_the_callers_and_its_parts_of_it():
    noted = list[SpanRecord]()
    headers = {"traceparent": SAMPLED, "tracestate": "rojo=1"}
    span = Tracer(noted.append).begin(headers)
    span.part("model", span.began_ns)
    span.end("POST /x", "server")
    part, whole = noted
    assert (f"{whole.context.trace_id:032x}", f"{whole.parent_id:016x}") == (TRACE, SPAN)
    assert (whole.is_parent_remote, part.is_parent_remote) == (True, False)
    assert part.parent_id == whole.context.span_id
    assert part.context.trace_id == whole.context.trace_id
    assert whole.began_ns <= part.began_ns <= part.ended_ns <= whole.ended_ns
    assert (part.tracestate, whole.tracestate) == ("rojo=1", "rojo=1")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("a=1,b=2", "a=1,b=2"),
        (" a=1 ,\t, b=2 ", "a=1,b=2"),
        ("tenant@system=x", "tenant@system=x"),
        ("a=1,a=2", ""),
        ("a", ""),
        ("A=1", ""),
        ("a=1=2", ""),
        ("a=" + "x" * 600, ""),
        (",".join(f"k{n}=1" for n in range(33)), ""),
        ("", ""),
    ],
)
def test_a_tracestate_is_passed_on_whole_or_not_at_all(given, found):
    assert passed_on(given) == found


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://localhost:4318", ""),
        ("https://collector.example/otlp", ""),
        ("localhost:4318", "neither"),
        ("ftp://localhost", "neither"),
        ("http://", "no host"),
        ("http://a:b@c", "credentials"),
        ("http://a b", "space"),
        ("http://a?x=1", "query"),
        ("http://a#x", "query"),
        ("http://[::1", "no address"),
        ("http://a:port", "no address"),
    ],
)
def test_an_address_is_refused_with_its_reason(url, says):
    fault = endpoint_fault(url)
    assert says in fault
    assert bool(fault) == bool(says)
    assert "a:b" not in fault, "an address with a password is not repeated"
