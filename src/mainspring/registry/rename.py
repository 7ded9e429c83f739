"""Which assets of an environment are declared under another name now."""

from collections.abc import Collection, Mapping

__all__ = ["renames"]


def renames(
    declared: Collection[str], held: Collection[str], origins: Mapping[str, str]
) -> dict[str, str]:
    """By the name that an asset is declared under, the one under which an environment holds it, for
    those where these differ.

    Args:
        origins: what assets were first called; one that is not in it was never renamed.

    >>> renames(["source.orders"], ["source.sales"], {"source.orders": "source.sales"})
    {'source.orders': 'source.sales'}
    """
    gone = {origins.get(name, name): name for name in held if name not in declared}
    return {
        name: gone[first]
        for name in declared
        if name not in held and (first := origins.get(name, name)) in gone
    }
