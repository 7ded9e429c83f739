"""What would change: the difference between what is declared and what an environment holds, as a
list of frozen stages with two readers.

Owns stages, their order, their estimates and their words.  Everything here is pure; doing what a
plan says is left to `performed`.
"""

__all__: list[str] = []
