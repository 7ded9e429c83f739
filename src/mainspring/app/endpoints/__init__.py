"""The endpoints of an environment: what its map holds, opened if it is proven, answering, and
explained afterwards.

Owns the following of the map.  Prediction and replay are left to `mainspring.serving`, and HTTP to
`http`.
"""

__all__: list[str] = []
