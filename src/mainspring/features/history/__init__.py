"""Answers to many requests about history at once: backfills.

It gathers the facts of a view's sources, codes their keys, and has the kernel group and sweep them;
histories larger than memory it spills to disk.  Which rows are requested is the business of
`datasets`.
"""

__all__: list[str] = []
