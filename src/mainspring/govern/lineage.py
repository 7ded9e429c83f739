"""Lineage: from an asset to the raw files, by the builds in the journal."""

from collections.abc import Mapping, Sequence

import msgspec

from mainspring.elements.events import EventValue, Recorded
from mainspring.elements.identity import short

__all__ = ["LineageNode", "trace_lineage"]


class LineageNode(msgspec.Struct, frozen=True, kw_only=True):
    """An asset, its build, who made it and when, and its parents."""

    asset: str
    digest: str
    made_by: str
    made_at: int
    facts: dict[str, EventValue]
    parents: tuple["LineageNode", ...] = ()

    def lines(self, indent: str = "") -> list[str]:
        """The tree as text, the asset first."""
        said = f"{self.asset}  {short(self.digest)}" if self.digest else self.asset
        detail = ", ".join(
            f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
            for name, value in self.facts.items()
        )
        lines = [said + (f"  ({detail})" if detail else "")]
        for place, parent in enumerate(self.parents):
            last = place == len(self.parents) - 1
            first, *rest = parent.lines()
            lines.append(f"{'└─ ' if last else '├─ '}{first}")
            lines += [f"{'   ' if last else '│  '}{line}" for line in rest]
        return [indent + line for line in lines]


def trace_lineage(
    asset: str,
    *,
    parents: Mapping[str, Sequence[str]],
    digests: Mapping[str, str],
    journal: Sequence[Recorded],
) -> LineageNode:
    """The lineage of an asset as an environment holds it.

    Args:
        parents: what each asset is made from.
        digests: the build of each asset in the environment.
        journal: the `build.made` events, for who made each digest and when.
    """
    made = {
        (record.event.subject, str(record.event.facts.get("digest"))): record for record in journal
    }
    return _node(asset, parents, digests, made=made)


def _node(
    asset: str,
    parents: Mapping[str, Sequence[str]],
    digests: Mapping[str, str],
    *,
    made: Mapping[tuple[str, str], Recorded],
) -> LineageNode:
    digest = digests.get(asset, "")
    record = made.get((asset, digest))
    facts = (
        {name: value for name, value in record.event.facts.items() if name in _SHOWN}
        if record
        else {}
    )
    return LineageNode(
        asset=asset,
        digest=digest,
        made_by=record.event.actor if record else "",
        made_at=record.event.at if record else 0,
        facts=facts,
        parents=tuple(
            _node(parent, parents, digests, made=made) for parent in parents.get(asset, ())
        ),
    )


_SHOWN = frozenset(
    {
        "rows",
        "version",
        "fitted",
        "tested",
        "features",
        "quarantined",
        "roc_auc",
        "log_loss",
        "path",
    }
)
