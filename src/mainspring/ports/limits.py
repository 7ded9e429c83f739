"""How much one request, one connection and one address may take, before a token is known and after:
the one place that says so.

A limit is set where work still costs little: the largest honest request passes, and what one
request can do to the others stays below a tenth of a second.
"""

from dataclasses import dataclass

__all__ = [
    "MAX_EXPLAINED_ROWS",
    "MAX_JSON_DEPTH",
    "MAX_JSON_VALUES",
    "MAX_PUSHED_ROWS",
    "MAX_ROWS",
    "MAX_SHOWN",
    "MAX_SPINE_ROWS",
    "HttpLimits",
]

MAX_ROWS = 10_000
"""How many rows one request may ask about, of an endpoint or of a model."""

MAX_EXPLAINED_ROWS = 500
"""How many rows of one request may be explained: a row takes two milliseconds and more."""

MAX_SPINE_ROWS = 1_000
"""How many rows of a spine one request may ask history about."""

MAX_PUSHED_ROWS = 100_000
"""How many rows one push may bring."""

MAX_JSON_VALUES = 1_000_000
"""How many values a JSON body may have: a million take 0.1 s to decode, in which no other thread
runs, and some 100 MB.
"""

MAX_JSON_DEPTH = 32
"""How many lists and objects of a JSON body may lie in each other."""

MAX_SHOWN = 200
"""How many characters of what was sent an error may repeat."""


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """The limits of a server.  Raising one lets a single caller hold up more of it.

    Args:
        headers: how many of them a request may have.
        head_bytes: of request line and headers together.
        head_s: how long they may take to arrive, from the first byte or the connection on.
        body_bytes: of a body; it is refused before it is read where its length is declared.
        body_s: how long a body may take to arrive.
        chunks: in how many pieces a body may come that is sent in pieces.
        all_bodies_bytes: of the bodies that the server holds at once.
        pipelined: how many requests may wait on one connection for the answer before theirs.
        connections: at once; never more than half of the files that the process may open.
        connections_per_address: of these, from one address; a proxy is one address.
        reserved: further connections, on which only open routes are answered: health.
        idle_s: how long a connection is kept open for the next request.
        reply_s: how long a caller may take to read an answer.
        linger_s: how long a connection that is to be closed is still read, so that the last answer
            arrives.
        queue_s: how long a request may wait for a thread or for its turn.
        store_s: how long it may wait for a store that others hold, in its thread.
        loop_s: how long the event loop may work for one request; what can be ended goes on in a
            thread then, and its route too for a while.
        turn_s: how long one turn of calls that are answered together may take there; larger ones
            are made smaller, and what takes longer by itself goes to a thread.
        work_s: how long a thread may work for one request before the caller is told that it takes
            too long; scoring is ended then.
        stuck_s: how long a thread that cannot be ended may go on before the process counts as
            standing still, and its supervisor replaces it.
    """

    headers: int = 100
    head_bytes: int = 32 * 1024
    head_s: float = 10.0
    body_bytes: int = 32 * 1024 * 1024
    body_s: float = 60.0
    chunks: int = 16_384
    all_bodies_bytes: int = 256 * 1024 * 1024
    pipelined: int = 32
    connections: int = 500
    connections_per_address: int = 400
    reserved: int = 16
    idle_s: int = 5
    reply_s: float = 30.0
    linger_s: float = 5.0
    queue_s: float = 15.0
    store_s: float = 5.0
    loop_s: float = 0.05
    turn_s: float = 0.002
    work_s: float = 60.0
    stuck_s: float = 300.0
