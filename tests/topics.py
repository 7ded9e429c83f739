"""The topics of a source in the environment of a workspace."""

from mainspring.app.workspace import Workspace
from mainspring.sources.topic import quarantine_topic_of, topic_of

__all__ = ["facts_topic", "refused_topic"]


def facts_topic(workspace: Workspace, source: str) -> str:
    """Where its accepted facts lie."""
    return topic_of(workspace.source(source).stream)


def refused_topic(workspace: Workspace, source: str) -> str:
    """Where the rows lie that were refused."""
    return quarantine_topic_of(workspace.source(source).stream)
