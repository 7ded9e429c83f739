"""What the feature engine costs beside what a user would pick instead: `make bench-features`.

Each module of a row draws its data, lets ours and the peers answer in the same run, checks that the
answers are equal, and returns a `Section`: figures with their bar and a plain word on whether it
was met.  `history` is the data of all rows, `contest` runs contenders in processes of their own,
`figure` writes the tables of docs/benchmarks.md.
"""

__all__: list[str] = []
