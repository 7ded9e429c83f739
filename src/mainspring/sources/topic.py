"""The topics of a source in the log, and the names of its tables.

A *stream* names a generation of a source: `weather@0123456789ab`, or the plain name for facts that
release 0.1 took in.
"""

__all__ = [
    "facts_prefix",
    "log_of_stream",
    "quarantine_topic_of",
    "raw_topic_of",
    "stream_of",
    "tally_topic_of",
    "topic_of",
]

facts_prefix = "source:"
"""What every topic of accepted facts begins with."""


def stream_of(log: str, generation: str) -> str:
    """The name of a generation.

    >>> stream_of("weather", "0123456789ab")
    'weather@0123456789ab'
    """
    return f"{log}@{generation}"


def log_of_stream(stream: str) -> str:
    """The name of the raw log that a generation is computed from.

    >>> log_of_stream("weather@0123456789ab"), log_of_stream("weather")
    ('weather', 'weather')
    """
    return stream.partition("@")[0]


def raw_topic_of(stream: str) -> str:
    """The topic of the rows as they came, for all generations of a source.

    >>> raw_topic_of("weather@0123456789ab")
    'raw:weather'
    """
    return f"raw:{log_of_stream(stream)}"


def topic_of(stream: str) -> str:
    """The topic of a generation's accepted facts, and the name of their table.

    >>> topic_of("weather@0123456789ab")
    'source:weather@0123456789ab'
    """
    return f"{facts_prefix}{stream}"


def quarantine_topic_of(stream: str) -> str:
    """The topic of a generation's rows that were not accepted.

    >>> quarantine_topic_of("weather")
    'quarantine:weather'
    """
    return f"quarantine:{stream}"


def tally_topic_of(stream: str) -> str:
    """The topic of how far a generation has come in the raw log, and what it has counted.

    >>> tally_topic_of("weather")
    'tally:weather'
    """
    return f"tally:{stream}"
