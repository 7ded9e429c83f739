"""Which texts are whole."""

import re

__all__ = ["clipped", "is_unicode"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def is_unicode(text: str) -> bool:
    """Whether the text can be written down: half of a surrogate pair cannot.

    >>> is_unicode("Zürich"), is_unicode("\\ud800")
    (True, False)
    """
    return text.isascii() or _SURROGATE.search(text) is None


def clipped(text: str, limit: int) -> str:
    """The text, at most so many characters of it.

    >>> clipped("spring", 6), clipped("mainspring", 6)
    ('spring', 'mains…')
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
