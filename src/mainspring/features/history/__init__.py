"""Answers to many questions about history at once: backfills.

It gathers the facts of a view's sources, codes their keys, and has the kernel group and sweep them;
histories larger than memory it spills to disk.  Which questions are asked is the business of
`datasets`.
"""

__all__: list[str] = []
