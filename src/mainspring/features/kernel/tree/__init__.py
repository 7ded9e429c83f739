"""Online state, compiled: the pages of a key, the tiles that stand for pages, and answers from
them.

`page` draws the layout; `grow` adds facts, `tile` merges, `point` and `newest` answer for one
moment, `summary` says what a program needs of tiles.  `online` holds the compiled entry points, and
`packed` the one for requests, where a microsecond counts.
"""

__all__: list[str] = []
