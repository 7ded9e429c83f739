"""The topics of a source in the log, and the name of its table."""

__all__ = ["quarantine_topic_of", "topic_of"]


def topic_of(source: str) -> str:
    """The topic of a source's accepted facts, and the name of their table.

    >>> topic_of("weather")
    'source:weather'
    """
    return f"source:{source}"


def quarantine_topic_of(source: str) -> str:
    """The topic of a source's rows that were not accepted.

    >>> quarantine_topic_of("weather")
    'quarantine:weather'
    """
    return f"quarantine:{source}"
