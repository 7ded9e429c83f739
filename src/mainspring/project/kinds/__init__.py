"""Kinds of assets, one module each: parents, faults, fingerprint, stages, how each is performed and
explained.

`kind.py` says what every kind answers, `union.py` lists them.  The order of stages, what they reuse
and the move of the environment are the same for all kinds and belong to `plan` and `apply`.
"""

__all__: list[str] = []
