"""A verdict: what a gate found, in one sentence for people and as evidence for machines."""

import math
from collections.abc import Mapping
from typing import Literal as OneOf

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.plain_json import spell_number
from mainspring.elements.time import Micros

__all__ = [
    "Evidence",
    "EvidenceValue",
    "GateFinding",
    "Verdict",
    "known_values",
    "render_finding",
    "render_verdicts",
]

EvidenceValue = str | int | float | bool | None

Evidence = dict[str, EvidenceValue | list[str | dict[str, EvidenceValue]]]
"""What a finding rests on: flat but for one list, so that every reader can show it."""


class GateFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found; it becomes a verdict when it is said about whom and when."""

    gate: str
    passed: bool
    summary: str
    evidence: Evidence = {}


class Verdict(GateFinding, frozen=True, kw_only=True):
    """A finding about one version.

    Args:
        subject: the digest of the version.
        at: when it was judged.
        champion: the version that it was compared with, empty for none.
    """

    subject: Digest
    at: Micros
    champion: str = ""

    @property
    def outcome(self) -> OneOf["passed", "failed"]:
        """In one word."""
        return "passed" if self.passed else "failed"


def render_finding(finding: GateFinding, *, width: int = 0) -> str:
    """One line for a terminal; `width` lines up the sentences of several.

    >>> found = GateFinding(gate="latency", passed=True, summary="p99 3.1 ms (at most 10 ms)")
    >>> render_finding(found)
    '✓ latency  p99 3.1 ms (at most 10 ms)'
    """
    return f"{'✓' if finding.passed else '✗'} {finding.gate:<{width}}  {finding.summary}"


def render_verdicts(verdicts: list[Verdict]) -> list[str]:
    """The verdicts as lines, their sentences below each other."""
    width = max((len(verdict.gate) for verdict in verdicts), default=0)
    return [render_finding(verdict, width=width) for verdict in verdicts]


def known_values(values: Mapping[str, EvidenceValue]) -> dict[str, EvidenceValue]:
    """The values with NaN and infinities, which JSON has no numbers for, as text."""
    return {
        name: spell_number(value)
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in values.items()
    }
