"""Everything that a server receives for a source: pushes in every form, and files in parts."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from mainspring.elements.events import Actor
from mainspring.ports.http import Route
from mainspring.sources.api import SourceApi
from mainspring.sources.bodies.read import BodyReader
from mainspring.sources.ingest import IngestReport, SourceWriter
from mainspring.sources.uploads.api import UploadApi
from mainspring.sources.uploads.folder import UploadFolder

__all__ = ["Receiving", "source_routes"]


class Receiving(NamedTuple):
    """With what a server receives what is not JSON.

    Args:
        decode: reads a binary body by the name of its form; None where none is read.
        examine: returns for a Parquet file that can be read without harm.
        uploads: where files lie that are sent in parts; None takes none.
        environment: that they are for.
    """

    decode: Callable[[bytes, str], pl.DataFrame] | None = None
    examine: Callable[[Path], None] = lambda _: None
    uploads: UploadFolder | None = None
    environment: str = ""


def source_routes(
    writer: Callable[[str, Actor], SourceWriter],
    receiving: Receiving,
    *,
    observe: Callable[[str, IngestReport], None],
) -> list[Route]:
    """The routes of sources.

    Args:
        writer: what takes rows of a source in, in an actor's name; ACC-006 for a source that is not
            declared.
        observe: called with the source and the report of each push and file.
    """
    routes = SourceApi(writer, observe=observe, bodies=BodyReader(receiving.decode)).routes()
    if receiving.uploads is None:
        return routes
    uploads = UploadApi(
        writer,
        receiving.uploads,
        environment=receiving.environment,
        examine=receiving.examine,
        observe=observe,
    )
    return [*routes, *uploads.routes()]
