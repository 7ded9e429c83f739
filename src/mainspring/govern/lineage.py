"""Where a thing comes from: a walk from an asset to the raw files, by what the journal says was
built from what.

What an asset is made from stands in its stored definition, so a lineage is that of what the
environment holds, whatever the project's files say by now.
"""

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from types import MappingProxyType

import msgspec

from mainspring.elements.events import EventValue, Recorded
from mainspring.elements.html import html_page, html_text
from mainspring.elements.identity import short
from mainspring.ports.state import StateReader
from mainspring.registry.environment import AssetDefinition, AssetNotes, Build, EnvironmentVersion
from mainspring.registry.errors import UnknownAsset
from mainspring.registry.read_environment import read_build, read_definition

__all__ = ["LineageNode", "asset_lineage", "trace_lineage"]


class LineageNode(msgspec.Struct, frozen=True, kw_only=True):
    """An asset, its build, who made it and when, and its parents."""

    asset: str
    digest: str
    made_by: str
    made_at: int
    facts: dict[str, EventValue]
    parents: tuple["LineageNode", ...] = ()
    notes: AssetNotes = AssetNotes()

    def _repr_html_(self) -> str:
        return html_page(f"Lineage of {self.asset}", html_text("\n".join(self.lines())))

    def lines(self, indent: str = "") -> list[str]:
        """The tree as text, the asset first."""
        said = f"{self.asset}  {short(self.digest)}" if self.digest else self.asset
        detail = ", ".join(
            f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
            for name, value in self.facts.items()
        )
        detail = ", ".join(filter(None, [detail, str(self.notes)]))
        lines = [said + (f"  ({detail})" if detail else "")]
        for place, parent in enumerate(self.parents):
            last = place == len(self.parents) - 1
            first, *rest = parent.lines()
            lines.append(f"{'└─ ' if last else '├─ '}{first}")
            lines += [f"{'   ' if last else '│  '}{line}" for line in rest]
        return [indent + line for line in lines]


def asset_lineage(
    asset: str, environment: EnvironmentVersion, *, state: StateReader
) -> LineageNode:
    """The tree of what an asset of an environment was made from; of assets with one name, such as a
    model and its endpoint, the last made is meant.

    Raises: UnknownAsset ACC-006 for one that the environment does not hold.
    """
    definitions = {
        name: definition
        for name, pointer in environment.pointers.items()
        if (definition := read_definition(state, pointer))
    }
    # Definitions call sources and views by their first names.
    names = {definition.asset: name for name, definition in definitions.items()}
    made_from = {
        name: tuple(names.get(parent, parent) for parent in definitions[name].parents)
        if name in definitions
        else ()
        for name in environment.pointers
    }
    order = [
        name for name in TopologicalSorter(made_from).static_order() if name in environment.pointers
    ]
    found = [name for name in order if asset in (name, name.partition(".")[2])]
    if not found:
        raise UnknownAsset(kind="asset", name=asset, known=", ".join(order) or "none")
    files = {
        name: _file_of(definition, read_build(state, name, definition.build_fingerprint))
        for name, definition in definitions.items()
    }
    return trace_lineage(
        found[-1],
        parents=made_from | {name: (f"file {path}",) for name, path in files.items() if path},
        digests={name: pointer.build_digest for name, pointer in environment.pointers.items()},
        journal=list(state.iter_events(kind="build.made")),
        notes={name: definition.notes_or_none for name, definition in definitions.items()},
    )


def _file_of(definition: AssetDefinition, build: Build | None) -> str | None:
    """The file of a source; None for a source that is only pushed to, and for other assets."""
    if not definition.asset.startswith("source."):
        return None
    if build is not None and "path" in build.facts:
        return str(build.facts["path"])
    # Release 0.1 had it in the definition.
    return msgspec.json.decode(definition.build.get("path", "null"), type=str | None)


def trace_lineage(
    asset: str,
    *,
    parents: Mapping[str, Sequence[str]],
    digests: Mapping[str, str],
    journal: Sequence[Recorded],
    notes: Mapping[str, AssetNotes] = MappingProxyType({}),
) -> LineageNode:
    """The lineage of an asset as an environment holds it.

    Args:
        parents: what each asset is made from.
        digests: the build of each asset in the environment.
        journal: the `build.made` events, for who made each digest and when.
        notes: what each asset says to people.
    """
    made = {
        (record.event.subject, str(record.event.facts.get("digest"))): record for record in journal
    }
    # What was made before a rename was made under another name of the same kind.
    made |= {
        (subject.partition(".")[0], digest): record for (subject, digest), record in made.items()
    }
    return _node(asset, parents, digests, made=made, notes=notes)


def _node(
    asset: str,
    parents: Mapping[str, Sequence[str]],
    digests: Mapping[str, str],
    *,
    made: Mapping[tuple[str, str], Recorded],
    notes: Mapping[str, AssetNotes],
) -> LineageNode:
    digest = digests.get(asset, "")
    record = made.get((asset, digest)) or made.get((asset.partition(".")[0], digest))
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
            _node(parent, parents, digests, made=made, notes=notes)
            for parent in parents.get(asset, ())
        ),
        notes=notes.get(asset, AssetNotes()),
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
