"""One prediction as it was made."""

from collections.abc import Sequence

import msgspec

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.identity import Digest
from mainspring.elements.time import Micros
from mainspring.features.online.read import Value

__all__ = ["PredictionRecord"]


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One prediction.

    It holds plain values and is in no cycle, so the garbage collector need not look at it: ten
    thousand at once set off a full collection, which is longer than the predictions take.

    Args:
        id: its name.
        version: digest of the model version that answered.
        map_version: of the environment's map that was in force.
        at: q, the prediction time that features were read at.
        declared_at: the prediction time that the training set's expression gives for this request;
            None where it cannot be computed.
        request: the request after casting.
        features: the features, in the order of the model's matrix.
        read_at: L, as `recompute.offsets_read` gives it: how far the online state of each view had
            folded each source.
        score: what was answered; of several classes the largest probability.
        provider: what the model computed on; empty for the CPU, where a row's bytes depend on
            nothing but the model and the row.
        classes: what `probabilities` are of, in their order; both are empty for a model of one
            score.
        actor: who asked.
        revision: the name of the endpoint's revision that answered; empty where it has none.
        latency_us: how long features and model took, for all rows that were answered with it; 0
            where that was not logged.
    """

    id: str
    version: Digest
    map_version: int
    at: Micros
    declared_at: Micros | None
    request: dict[str, Scalar | None]
    features: list[Value]
    read_at: dict[str, int]
    score: float
    actor: str
    revision: str = ""
    latency_us: int = 0
    provider: str = ""
    classes: Sequence[str] = ()
    probabilities: Sequence[float] = ()
