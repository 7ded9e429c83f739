"""What stands where, as it was signed: releases say which builds and definitions a version of an
environment holds, policies which gates a model has to pass there.

Signing is a verb of whoever moves an environment, checking one of whoever loads it.  Whether a
model version is proven by its verdicts is left to `gates`.
"""

__all__: list[str] = []
