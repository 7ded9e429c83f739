"""Windows over facts that lie grouped by key: the sweep, and the fast path past it for facts that
are stable.

`aggregate` is the entry point.  One set of states follows each key's requests through time
(`sweep`, `state`, `transition`); most requests take the fast path (`stable`, `edge`, `candidate`)
to the same bits; `finalise`, `ranking` and `ordered` turn states and facts into values.
"""

__all__: list[str] = []
