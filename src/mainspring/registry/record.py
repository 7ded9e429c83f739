"""Write what is on record of a declared asset."""

from mainspring.elements.stored import parse_stored, render_stored
from mainspring.ports.state import Change, StateReader, StateWriter
from mainspring.registry.environment import AssetRecord

__all__ = ["read_asset_record", "write_asset_record"]


def read_asset_record(state: StateReader, asset: str, *, origin: str) -> AssetRecord:
    """What is on record of an asset.

    Args:
        origin: its first name, where nothing is on record yet.
    """
    document = state.get("asset", asset)
    if document is None:
        return AssetRecord(origin=origin)
    return parse_stored(document.payload, AssetRecord, key=asset)


def write_asset_record(state: StateWriter, asset: str, record: AssetRecord) -> None:
    """Put it on record."""
    state.commit([Change("asset", asset, render_stored(record))], [])
