"""Where declared assets come from: what each was first called.

The facts of a source, the state of a view and the versions of a model are filed by that name, and
it stands for the asset in fingerprints; so a rename changes nothing but a name in maps.  What is on
record counts more than `renamed_from=`, which may be deleted once it was applied.
"""

from collections.abc import Iterator, Mapping, Sequence

from mainspring.elements.errors import DeclarationError
from mainspring.project.errors import HistoryShared, HistoryTaken, ProjectErrors
from mainspring.project.kinds.asset import AssetOrigin, Declaration, FingerprintContext
from mainspring.project.kinds.union import asset_name, former_name, kind_of

__all__ = ["origin_asset", "reference_to", "resolve_origins"]


def resolve_origins(
    assets: Sequence[Declaration], recorded: Mapping[str, AssetOrigin]
) -> dict[str, AssetOrigin]:
    """What is on record of assets, and what follows of it for those that are declared.

    Args:
        recorded: by asset, what is on record of it.

    Raises: ProjectErrors PRJ-020 with HistoryTaken PRJ-102 and HistoryShared PRJ-103 where two
        would have one history, or one asset two.
    """
    found, faults, holders = dict(recorded), list[DeclarationError](), dict[str, str]()
    for declaration in assets:
        asset, former = asset_name(declaration), former_name(declaration)
        origin = _origin(declaration, former, recorded)
        if former and asset in recorded and origin.name != _name_of(former, recorded):
            faults.append(
                HistoryTaken(
                    asset=_said(asset),
                    former=former.partition(".")[2],
                    origin=origin.name,
                    at=declaration.declared_at,
                )
            )
        filed = f"{kind_of(declaration).name}.{origin.name}"
        if filed in holders and holders[filed] != asset:
            faults += _shared(asset, holders[filed], origin.name, assets)
        holders.setdefault(filed, asset)
        if asset in recorded or former:
            found[asset] = origin
    if faults:
        raise ProjectErrors(faults=tuple(faults))
    return found


def origin_asset(declaration: Declaration, context: FingerprintContext) -> str:
    """What an asset is filed by: its kind and what it was first called."""
    asset = asset_name(declaration)
    origin = context.origins.get(asset)
    return f"{kind_of(declaration).name}.{origin.name}" if origin else asset


def reference_to(declaration: Declaration, context: FingerprintContext) -> str:
    """What a definition calls another asset.  Sources and views are read by what they are filed by,
    so their names are no part of it; models are looked up in a map by their present name.
    """
    if kind_of(declaration).is_read_by_origin:
        return origin_asset(declaration, context)
    return asset_name(declaration)


def _origin(
    declaration: Declaration, former: str, recorded: Mapping[str, AssetOrigin]
) -> AssetOrigin:
    asset = asset_name(declaration)
    if asset in recorded:
        return recorded[asset]
    if not former:
        return AssetOrigin(declaration.name)
    return recorded.get(former) or AssetOrigin(_name_of(former, recorded))


def _name_of(asset: str, recorded: Mapping[str, AssetOrigin]) -> str:
    return recorded[asset].name if asset in recorded else asset.partition(".")[2]


def _shared(
    asset: str, other: str, origin: str, assets: Sequence[Declaration]
) -> Iterator[DeclarationError]:
    """Said of the one that came later: it bears the name by which the other's history is filed, or
    both were renamed from one.
    """
    later, first = (other, asset) if other.partition(".")[2] == origin else (asset, other)
    [declaration] = [each for each in assets if asset_name(each) == later]
    yield HistoryShared(
        asset=_said(later), other=_said(first), origin=origin, at=declaration.declared_at
    )


def _said(asset: str) -> str:
    return asset.replace(".", " ", 1)
