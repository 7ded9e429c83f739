"""A protected environment takes no endpoint that lets predictions be missing in its log."""

from collections.abc import Callable
from contextlib import suppress

from mainspring.elements.errors import Location, MainspringError, RecordUnreadable
from mainspring.ports.state import StateReader
from mainspring.project.loader.load import Project
from mainspring.registry.environment import EnvironmentVersion, asset_names
from mainspring.serving.inference.errors import LogIncomplete
from mainspring.serving.loader import read_endpoint_definition

__all__ = ["require_whole_logs"]


def require_whole_logs(
    source: EnvironmentVersion, target: str, *, state: StateReader, load: Callable[[], Project]
) -> None:
    """Return where every endpoint of a version logs all that it answers.

    Args:
        source: what is promoted.
        target: the protected environment that is to hold it.
        load: the project, asked for only where something is refused: for the line.

    Raises: LogIncomplete SRV-110, with the line of the declaration where the project loads.
    """
    for name in asset_names(source, "endpoint"):
        definition = None
        # A record that was changed is named by the check of the release, with all that is wrong.
        with suppress(RecordUnreadable):
            definition = read_endpoint_definition(state, source, name)
        if definition and definition.log and definition.log.gaps:
            raise LogIncomplete(
                where=f"endpoint {name}",
                declared=definition.log.gaps,
                environment=target,
                at=_declared_at(name, load),
            )


def _declared_at(endpoint: str, load: Callable[[], Project]) -> Location | None:
    """The line of an endpoint; what is refused is refused where the files do not load, too."""
    with suppress(MainspringError):
        for declared in load().declarations.endpoints:
            if declared.name == endpoint:
                return declared.declared_at
    return None
