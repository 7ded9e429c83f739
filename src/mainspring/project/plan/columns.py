"""What the columns of a source's files were taken for where no contract says it: part of a plan."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from mainspring.elements.values.guess import Guess
from mainspring.project.kinds.data import DataChange
from mainspring.project.plan.diff import AssetChange
from mainspring.sources.files import FoundColumns, find_columns
from mainspring.sources.spec import Source

__all__ = ["IgnoredColumn", "SourceColumns", "columns_of_sources", "columns_to_show"]


class IgnoredColumn(msgspec.Struct, frozen=True):
    """A column of the data that the source does not have, and the reason."""

    column: str
    reason: str


class SourceColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a source's files that nobody declared.

    Args:
        source: the asset.
        guesses: the columns whose types were guessed, in their order.
    """

    source: str
    guesses: tuple[Guess, ...] = ()
    ignored: tuple[IgnoredColumn, ...] = ()


def columns_of_sources(sources: Sequence[Source], root: str) -> dict[str, SourceColumns]:
    """By asset, the columns of the sources' files that nobody declared.

    Cost: nothing, for files that were read when the project was loaded.
    """
    found = (
        _undeclared(f"source.{source.name}", find_columns(source, Path(root)))
        for source in sources
        if source.path is not None
    )
    return {each.source: each for each in found}


def columns_to_show(
    columns: Mapping[str, SourceColumns],
    changes: Sequence[AssetChange],
    data: Sequence[DataChange],
) -> Iterator[SourceColumns]:
    """The guesses of sources that are new or changed, for they are old news of the others; and what
    is ignored there, or in a file that changed.
    """
    defined = {each.asset for each in changes if each.change in ("added", "changed")}
    mended = {each.source for each in data}
    for asset, found in columns.items():
        guesses = found.guesses if asset in defined else ()
        ignored = found.ignored if asset in defined | mended else ()
        if guesses or ignored:
            yield SourceColumns(source=asset, guesses=guesses, ignored=ignored)


def _undeclared(asset: str, found: FoundColumns) -> SourceColumns:
    ignored = tuple(IgnoredColumn(name, reason) for name, reason in found.schema.unusable)
    return SourceColumns(source=asset, guesses=found.guesses, ignored=ignored)
