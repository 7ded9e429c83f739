"""What the rules say about a candidate, beside the revision in charge at the same time.

Each rule is a sequential test that stays valid however often it is looked at (`stats.count_e_value`
and `stats.mixture_sprt` name the sources): over a whole step the chance that a candidate which is
within the rule is taken back is at most alpha.  The share of the calls is the one that the
candidate got: entities are few in places, and five per cent of them may have a fifth of the calls.
An absolute limit was rejected: what slows both revisions, such as a busy machine, is no fault of
the new one.
"""

from collections.abc import Iterator
from itertools import zip_longest

import msgspec

from mainspring.serving.rollouts.state import RevisionTally
from mainspring.serving.spec import RolloutRules
from mainspring.stats.count_e_value import count_e_value
from mainspring.stats.mixture_sprt import Moments, mixture_e_value

__all__ = ["Quality", "RuleFinding", "judge_rollout", "slow_from"]

_TYPICAL_DIFFERENCE = 0.05
_SLOW_SHARE = 0.1


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """The losses of both revisions on labels that have arrived."""

    stable: Moments = Moments()
    candidate: Moments = Moments()


class RuleFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule found.

    Args:
        evidence: an e-value: the rule is broken once it reaches `limit`.
        stable, candidate: what was compared.
    """

    rule: str
    evidence: float
    limit: float
    stable: str
    candidate: str

    @property
    def is_broken(self) -> bool:
        """Whether the candidate is to be taken back."""
        return self.evidence >= self.limit

    def __str__(self) -> str:
        return (
            f"{self.rule}: {self.candidate} beside {self.stable} "
            f"(evidence {_count(self.evidence)} of {_count(self.limit)})"
        )


def _count(evidence: float) -> str:
    """An e-value in figures that people read: `1e+03` is written out."""
    return f"{evidence:,.0f}" if 100 <= evidence < 1e6 else f"{evidence:.3g}"


def judge_rollout(
    rules: RolloutRules,
    stable: RevisionTally,
    candidate: RevisionTally,
    *,
    slow: int,
    quality: Quality,
) -> list[RuleFinding]:
    """What each rule that can be looked at finds.

    Args:
        slow: the first bucket of latency that is slow; 0 for none.
    """
    limit = 1 / rules.alpha
    return [
        RuleFinding(rule=rule, evidence=evidence, limit=limit, stable=ours, candidate=theirs)
        for rule, evidence, ours, theirs in _found(
            rules, stable, candidate, slow=slow, quality=quality
        )
    ]


def slow_from(latency: list[int]) -> int:
    """The first bucket that only the slowest tenth of these calls reach; 0 where there are fewer
    than a hundred.
    """
    total, above = sum(latency), 0
    if total < 100:
        return 0
    for bucket in range(len(latency) - 1, 0, -1):
        above += latency[bucket]
        if above > total * _SLOW_SHARE:
            return bucket + 1
    return 1


_Found = tuple[str, float, str, str]


def _found(
    rules: RolloutRules,
    stable: RevisionTally,
    candidate: RevisionTally,
    *,
    slow: int,
    quality: Quality,
) -> Iterator[_Found]:
    both = min(stable.requests, candidate.requests) > 0
    share = candidate.requests / max(stable.requests + candidate.requests, 1)
    if rules.errors is not None and both:
        evidence = count_e_value(
            candidate.failed, stable.failed, share=_tolerated(share, rules.errors)
        )
        yield "errors", evidence, _of(stable.failed, stable), _of(candidate.failed, candidate)
    if rules.latency is not None and slow and both:
        ours, theirs = sum(stable.latency[slow:]), sum(candidate.latency[slow:])
        evidence = count_e_value(theirs, ours, share=_tolerated(share, rules.latency))
        yield "slow answers", evidence, _of(ours, stable), _of(theirs, candidate)
    if rules.scores is not None and min(stable.rows, candidate.rows) > 0:
        evidence = _score_evidence(stable, candidate, times=rules.scores)
        yield "scores", evidence, f"{stable.rows} rows", f"{candidate.rows} rows"
    if rules.quality is not None:
        evidence = mixture_e_value(
            quality.candidate,
            quality.stable,
            tolerated=rules.quality,
            tau=max(rules.quality, _TYPICAL_DIFFERENCE),
        )
        yield "loss on labels", evidence, _loss(quality.stable), _loss(quality.candidate)


def _tolerated(share: float, times: float) -> float:
    """The share of events that fall on a candidate which has them `times` as often."""
    return share * times / (share * times + 1 - share)


def _score_evidence(stable: RevisionTally, candidate: RevisionTally, *, times: float) -> float:
    """The mean over the buckets that were hit, more often and more seldom.  A mean of e-values is
    one however they depend on each other; a product is not.
    """
    share = candidate.rows / (candidate.rows + stable.rows)
    found = [
        each
        for ours, theirs in zip_longest(stable.scores, candidate.scores, fillvalue=0)
        if ours or theirs
        for each in (
            count_e_value(theirs, ours, share=_tolerated(share, times)),
            count_e_value(ours, theirs, share=_tolerated(1 - share, times)),
        )
    ]
    return sum(found) / len(found) if found else 1.0


def _of(count: int, tally: RevisionTally) -> str:
    return f"{count} of {tally.requests} calls"


def _loss(moments: Moments) -> str:
    return f"{moments.mean:.4g} on {moments.rows} labels"
