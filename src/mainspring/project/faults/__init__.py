"""What can be wrong with a project's declarations, noun by noun: each function gives the faults of
one declaration with the user's line.

Nothing is raised here; `mainspring.project.loader.validate` gathers all faults and raises them at
once.  What is wrong with an expression in itself is decided by
`mainspring.elements.expression.infer`; here it is reported with its place.
"""

__all__: list[str] = []
