"""The code of a fit: what a build fingerprint covers of it, what it does not see, and which
estimator the fit returns, as far as its text says.

Nothing here imports or runs anything of a project: modules that are imported are looked at as they
stand, others are read as text.
"""

__all__: list[str] = []
