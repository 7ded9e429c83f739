"""A client in TypeScript, generated from the OpenAPI document: an interface for each record, a
method for each operation, and the same rules of repetition as of the client in Python.

It is one file without dependencies, for every place that has `fetch`.
"""

from mainspring.interface.typescript.client import typescript_client

__all__ = ["typescript_client"]
