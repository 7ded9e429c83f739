"""Where a roll-out goes from here: a function of records, and of nothing else."""

from typing import assert_never

import msgspec

from mainspring.elements.time import Micros, format_duration
from mainspring.serving.rollouts.judge import Quality, RuleFinding, judge_rollout, slow_from
from mainspring.serving.rollouts.state import (
    ABORTED,
    RUNNING,
    TEST_OVER,
    EndpointRevision,
    EndpointRollout,
    RevisionTally,
)
from mainspring.serving.spec import ABTest, Canary, Rollout, Shadow

__all__ = [
    "Move",
    "RolloutEvidence",
    "WantedRevision",
    "aborted",
    "decide",
    "findings_of",
    "promoted",
]


class WantedRevision(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment's map asks for.

    Args:
        rollout: how it is to take over; None: at once.  A rollback of the map has none either.
    """

    revision: EndpointRevision
    rollout: Rollout | None


class RolloutEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of both revisions in this step.

    Args:
        is_ready: whether every process that lives can answer with what is wanted.
    """

    is_ready: bool
    stable: RevisionTally = RevisionTally()
    candidate: RevisionTally = RevisionTally()
    quality: Quality = Quality()


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A decision.

    Args:
        kind: of the journal's event; empty where the map's own move says it all.
        findings: why.
    """

    rollout: EndpointRollout
    kind: str = ""
    findings: list[RuleFinding] = []


def findings_of(
    rollout: Rollout, stands: EndpointRollout, evidence: RolloutEvidence
) -> list[RuleFinding]:
    """What the rules find in this step."""
    return judge_rollout(
        rollout.rules,
        evidence.stable,
        evidence.candidate,
        slow=stands.slow,
        quality=evidence.quality,
    )


def decide(
    stands: EndpointRollout | None,
    wanted: WantedRevision,
    evidence: RolloutEvidence,
    *,
    now: Micros,
) -> Move | None:
    """The next move; None to wait."""
    if stands is None:
        return Move(rollout=EndpointRollout(stable=wanted.revision, since=now))
    if wanted.revision.name == stands.stable.name:
        return _back(stands, wanted, now)
    if stands.refused == wanted.revision.name:
        return None
    if stands.candidate is None or stands.candidate.name != wanted.revision.name:
        return _begin(stands, wanted, evidence, now) if evidence.is_ready else None
    if wanted.rollout is None:
        return _promoted(stands, "the endpoint declares no roll-out any more", [], now)
    if stands.phase != RUNNING or not evidence.is_ready:
        return None
    return _judged(stands, wanted.rollout, evidence, now)


def _back(stands: EndpointRollout, wanted: WantedRevision, now: Micros) -> Move | None:
    """The map holds what is in charge: nothing is to take over."""
    if stands.candidate is None and not stands.refused:
        return None
    settled = EndpointRollout(stable=wanted.revision, epoch=stands.epoch + 1, since=now)
    if stands.candidate is None:
        return Move(rollout=settled)
    return Move(rollout=_because(settled, "the environment went back"), kind="rollout.aborted")


def _begin(
    stands: EndpointRollout, wanted: WantedRevision, evidence: RolloutEvidence, now: Micros
) -> Move:
    if wanted.rollout is None:
        return Move(
            rollout=EndpointRollout(stable=wanted.revision, epoch=stands.epoch + 1, since=now)
        )
    begun = EndpointRollout(
        stable=stands.stable,
        candidate=wanted.revision,
        kind=type(wanted.rollout).__name__,
        phase=RUNNING,
        share=_share(wanted.rollout, 0),
        epoch=stands.epoch + 1,
        since=now,
        started=now,
        slow=slow_from(evidence.stable.latency),
        reason="every process is ready",
    )
    if begun.share == 100:
        return _promoted(begun, "the first step is the last", [], now)
    return Move(rollout=begun, kind="rollout.started")


def _judged(
    stands: EndpointRollout, rollout: Rollout, evidence: RolloutEvidence, now: Micros
) -> Move | None:
    findings = findings_of(rollout, stands, evidence)
    if broken := [each for each in findings if each.is_broken]:
        return aborted(stands, "; ".join(map(str, broken)), findings, now=now)
    if now - stands.since < rollout.hold or evidence.candidate.rows < rollout.rules.min_predictions:
        return None
    held = f"held for {format_duration(rollout.hold)}, no rule is broken"
    match rollout:
        case ABTest():
            over = msgspec.structs.replace(stands, phase=TEST_OVER, reason=held)
            return Move(rollout=over, kind="rollout.waiting", findings=findings)
        case Shadow():
            return _promoted(stands, held, findings, now)
        case Canary():
            return _advanced(stands, rollout, evidence, findings=findings, reason=held, now=now)
        case _:
            assert_never(rollout)


def _advanced(
    stands: EndpointRollout,
    canary: Canary,
    evidence: RolloutEvidence,
    *,
    findings: list[RuleFinding],
    reason: str,
    now: Micros,
) -> Move:
    step = stands.step + 1
    share = _share(canary, step)
    if share == 100:
        return _promoted(stands, reason, findings, now)
    advanced = msgspec.structs.replace(
        stands,
        step=step,
        share=share,
        epoch=stands.epoch + 1,
        since=now,
        slow=slow_from(evidence.stable.latency) or stands.slow,
        reason=reason,
    )
    return Move(rollout=advanced, kind="rollout.advanced", findings=findings)


def _share(rollout: Rollout, step: int) -> int:
    match rollout:
        case Canary():
            return rollout.steps[min(step, len(rollout.steps) - 1)]
        case ABTest():
            return rollout.share
        case Shadow():
            return 0
        case _:
            assert_never(rollout)


def _promoted(
    stands: EndpointRollout, reason: str, findings: list[RuleFinding], now: Micros
) -> Move:
    assert stands.candidate is not None, "only a candidate is promoted"
    settled = EndpointRollout(
        stable=stands.candidate, epoch=stands.epoch + 1, since=now, reason=reason
    )
    return Move(rollout=settled, kind="rollout.promoted", findings=findings)


def promoted(stands: EndpointRollout, reason: str, *, now: Micros) -> Move:
    """The candidate is in charge."""
    return _promoted(stands, reason, [], now)


def aborted(
    stands: EndpointRollout, reason: str, findings: list[RuleFinding], *, now: Micros
) -> Move:
    """The candidate is taken back, and not tried again."""
    assert stands.candidate is not None, "only a candidate is taken back"
    settled = EndpointRollout(
        stable=stands.stable,
        phase=ABORTED,
        epoch=stands.epoch + 1,
        since=now,
        reason=reason,
        refused=stands.candidate.name,
    )
    return Move(rollout=settled, kind="rollout.aborted", findings=findings)


def _because(rollout: EndpointRollout, reason: str) -> EndpointRollout:
    return msgspec.structs.replace(rollout, reason=reason)
