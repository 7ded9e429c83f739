"""Whether the rows of a source break its contract more often than they used to."""

from collections.abc import Mapping
from typing import NamedTuple

from mainspring.monitoring.limits.judgement import Judgement, MonitorFinding
from mainspring.monitoring.limits.share import MIN_ROWS, TOLERATED, Strictness, UsualShare

__all__ = ["IngestedRows", "judge_source"]

_EXACTLY_KNOWN = 10**9


class IngestedRows(NamedTuple):
    """How many rows of a source came: accepted, and quarantined."""

    accepted: int
    quarantined: int


def judge_source(
    source: str,
    accepted: int,
    quarantined: Mapping[str, int],
    *,
    usual: IngestedRows,
    strictness: Strictness,
) -> Judgement:
    """Judge the rows of a source that came in a window: one in a hundred more than usual may go to
    quarantine, and what chance adds to that.

    Args:
        quarantined: by reason.
        usual: what came before.
    """
    refused = sum(quarantined.values())
    rows = accepted + refused
    if rows < MIN_ROWS:
        return Judgement.needs("data_quality", source, rows, MIN_ROWS)
    share, limit = refused / rows, _allowed(usual).limit(rows, strictness)
    if share <= limit:
        return Judgement("data_quality", source)
    # Each column that fails is a finding of its own: the second must not hide behind the first.
    many = [reason for reason, count in sorted(quarantined.items()) if count / rows > limit]
    reasons = many or [max(sorted(quarantined), key=lambda reason: quarantined[reason])]
    found = (
        MonitorFinding(
            kind="data_quality",
            subject=f"{source} {reason}",
            statistic=share,
            limit=limit,
            sentence=(
                f"{source}: {share:.1%} of {rows:,} rows failed the contract, "
                f"{quarantined[reason]:,} of them by {reason}; usual is "
                f"{_share(usual):.1%}, and the limit for so many rows is {limit:.1%}"
            ),
        )
        for reason in reasons
    )
    return Judgement("data_quality", source, found=tuple(found))


def _allowed(usual: IngestedRows) -> UsualShare:
    # Where nothing was ever refused, what is tolerated is a promise and not an estimate.
    rows = sum(usual) if usual.quarantined else _EXACTLY_KNOWN
    refused = min(usual.quarantined + TOLERATED * rows, rows - 1.0)
    return UsualShare(max(refused, 0.5), max(rows - refused, 0.5))


def _share(usual: IngestedRows) -> float:
    return usual.quarantined / max(sum(usual), 1)
