"""Windows over facts that lie grouped by key: the sweep, and the short way past it for what has
settled.

`aggregate` is the door.  One set of states follows each key's questions through time (`sweep`,
`state`, `transition`); most questions take the short way (`settled`, `edge`, `candidate`) to the
same bits; `finalise`, `ranking` and `ordered` turn states and facts into values.
"""

__all__: list[str] = []
