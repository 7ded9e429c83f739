"""How long requests for predictions wait for others, so that a model on a device that takes as long
for sixty rows as for one runs once for all of them.

How many rows a request has is told from its bytes: reading it is the work that is to be done once,
with the others.  A request that is taken to have fewer rows than it has waits no longer than was
declared, and one that is taken to have more does not wait.
"""

import re
from collections.abc import Callable

from mainspring.elements.errors import MainspringError
from mainspring.ports.http import Call, GatherRule

__all__ = ["MOST_GATHERED_ROWS", "gather_rule", "rows_of_predict", "rows_of_tensors"]

MOST_GATHERED_ROWS = 64
"""Once so many wait, none waits longer: as many as a model has been warmed up for."""

_SHAPE = re.compile(rb'"shape"\s*:\s*\[\s*([0-9]{1,9})')
_HEAD_BYTES = 4_096


def gather_rule(
    wait_s: float,
    *,
    provider_of: Callable[[Call], str],
    rows_of: Callable[[Call], int],
) -> GatherRule | None:
    """The rule for a route that predicts; None where nothing is to wait.

    Args:
        wait_s: as it is declared.
        provider_of: what the model of a call computes on, or an error of ours where there is none.
    """

    def is_apart(call: Call) -> bool:
        try:
            return provider_of(call) != "cpu"
        except MainspringError:
            # It is refused with the same error, and that takes no thread.
            return False

    return GatherRule(wait_s, is_apart, rows_of, MOST_GATHERED_ROWS) if wait_s > 0 else None


def rows_of_predict(call: Call) -> int:
    """About how many rows a request to an endpoint has: each is an object in another one.

    >>> rows_of_predict(Call("POST", body=b'{"rows": [{"shop": "a"}, {"shop": "b"}]}'))
    2
    """
    return max(1, call.body.count(b"{") - 1)


def rows_of_tensors(call: Call) -> int:
    """How many rows a request of the Open Inference Protocol says that its first tensor has; one
    for a body that is compressed or has no such head.

    >>> rows_of_tensors(Call("POST", body=b'{"inputs": [{"name": "x", "shape": [8, 30]}]}'))
    8
    """
    found = _SHAPE.search(call.body, 0, _HEAD_BYTES)
    return max(1, int(found[1])) if found else 1
