"""The offline store as Delta tables, on files or in a bucket: any reader of Delta Lake can open
them.

Import the store from its module: it loads Polars and deltalake.
"""

__all__: list[str] = []
