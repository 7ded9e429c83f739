"""Functions of one text as expressions mean them, in characters that are code points.

Case follows the Unicode tables of Python in both evaluators: those of Polars are of a later edition
and differ on 55 letters (Polars 2.1 and Python 3.11).
"""

import re

__all__ = ["WHITE_SPACE", "is_unicode", "slice_of"]

WHITE_SPACE = (
    "\t\n\v\f\r "
    "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""The characters with Unicode's property White_Space.  Python's own `strip` takes four control
characters for white space too.
"""


_SURROGATE = re.compile("[\ud800-\udfff]")


def is_unicode(text: str) -> bool:
    """Whether the text can be written down: half of a surrogate pair cannot.

    >>> is_unicode("Zürich"), is_unicode("\\ud800")
    (True, False)
    """
    return text.isascii() or _SURROGATE.search(text) is None


def slice_of(text: str, offset: int, length: int | None) -> str:
    """At most `length` characters from an offset on, which counts from the end if it is negative;
    what lies before the beginning counts but is not there.

    >>> slice_of("carrier", -3, 2), slice_of("UA", -3, 2), slice_of("UA", 5, None)
    ('ie', 'U', '')
    """
    first = offset if offset >= 0 else len(text) + offset
    return text[max(first, 0) :] if length is None else text[max(first, 0) : max(first + length, 0)]
