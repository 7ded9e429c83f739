"""Gates as a stored definition has them: what a promotion judges by needs no project."""

import json
from collections.abc import Mapping
from typing import Final

import msgspec

from mainspring.gates.errors import UnknownGate
from mainspring.gates.spec import (
    BeatsChampion,
    FiniteScores,
    Gate,
    Latency,
    MaxMetric,
    MinMetric,
    NoLeakage,
    Parity,
)

__all__ = ["parse_gates"]

_GATES: Final[Mapping[str, type[Gate]]] = {
    gate.__name__: gate
    for gate in (
        MinMetric,
        MaxMetric,
        BeatsChampion,
        Latency,
        NoLeakage,
        Parity,
        FiniteScores,
    )
}


def parse_gates(policy: Mapping[str, str]) -> tuple[Gate, ...]:
    """The declared gates of a model, in their order.

    Args:
        policy: the policy part of the model's definition: field to canonical JSON.  `gates` lists
            their names, and each has a field of its own with its parameters.

    Raises: UnknownGate GAT-003 for one that this release does not know.

    >>> parse_gates({"gates": '["latency"]', "gates.latency": '{"is":"Latency","p99_ms":5.0}'})
    (Latency(p99_ms=5.0, requests=500),)
    """
    listed: object = json.loads(policy.get("gates", "[]"))
    if not isinstance(listed, list):
        raise UnknownGate(gate=policy["gates"])
    return tuple(_gate(each, policy) for each in listed)


def _gate(listed: object, policy: Mapping[str, str]) -> Gate:
    written: object = json.loads(policy[f"gates.{listed}"]) if isinstance(listed, str) else listed
    if not isinstance(written, dict) or written.get("is") not in _GATES:
        raise UnknownGate(gate=json.dumps(written))
    fields = {name: value for name, value in written.items() if name != "is"}
    return msgspec.convert(fields, _GATES[written["is"]])
