"""HTTP as it is composed: the routes of all packages behind their permissions, and what is
counted.

What is answered is decided by the `api` of each package; what speaks HTTP is `engines.http`.
"""

__all__: list[str] = []
