"""What a value of each type is, wherever it arrives: in a file, a push, a request, a spine, a key.

`scalar` reads one value, `columns` reads a column of them, and both give the same; nothing else in
the tree turns what arrived into a value.  `spelling` is what a contract says about texts, `guess`
what a file without a contract is taken for.
"""

__all__: list[str] = []
