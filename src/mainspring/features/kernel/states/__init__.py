"""The states of aggregates: exact sums, multisets, sketches, buckets, bins and best places.

Each is a few words in an array, with functions that add to it, take from it, merge and read it; all
of them are exact but for what their names say.  Which of them are used, and when, is the
business of `windows` and `tree`.
"""

__all__: list[str] = []
