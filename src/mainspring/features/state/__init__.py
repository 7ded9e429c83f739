"""Online state: how the records of the log become the rows of a store.

A view's state is the tree of pages of each of its keys, a function of that key's records alone;
`stream` materializes it from the log, `snapshot` and `replicate` copy it.  How pages look inside is
the business of `kernel.tree`, and how rows are kept that of the engines behind `ports.online`.
"""

__all__: list[str] = []
