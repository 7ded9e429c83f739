"""Servers of one model beside each other: `make bench-serving`.

One ONNX model, made in the run, behind our servers and behind those that a user would pick instead,
each in an environment and a process of its own.  `wrk` asks them in turns for 512 rows that differ;
what they answer is compared with the model before anything is timed.  `model` makes the model,
`load` asks, `contender` is one server, `ours` and `peers` start them; each other module measures
rows of the table and returns a `Section`, as those of `benchmarks.doors` do.
"""

__all__: list[str] = []
