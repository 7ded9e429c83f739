"""What a person or a program waits for, beside what they would pick instead: `make bench-doors`.

Everything goes through `ws.*`, the command line or HTTP; what is measured calls no kernel, store or
log.  Each module of a row draws its data, lets ours and the peers answer in the same run, checks
that the answers are equal, and returns a `Section` as the rows of `benchmarks.features` do, whose
data, contenders and tables these rows share.  `project` is what a user would write, `peers` reads
the same Parquet files in other ways, `timed` runs commands, `http_client` speaks HTTP.
"""

__all__: list[str] = []
