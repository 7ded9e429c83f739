"""What was answered, to whom, by which model, from which features, read at which (L, q): one record
per prediction, in the log.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from mainspring.elements.expression.tree import Scalar
from mainspring.elements.identity import Digest
from mainspring.elements.stored import StoredRecord, pack_stored, unpack_stored
from mainspring.elements.time import Micros
from mainspring.features.online.read import Value
from mainspring.ports.log import LogReader

__all__ = [
    "PredictionRecord",
    "find_prediction",
    "find_topic",
    "inference_topic",
    "iter_predictions",
    "place_of_topic",
    "prediction_frame",
]

_PREFIX = "inference:"


class PredictionRecord(StoredRecord, frozen=True, kw_only=True, gc=False):
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
        score: what was answered.
        actor: who asked.
    """

    title = "a prediction"

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


def inference_topic(environment: str, endpoint: str) -> str:
    """The topic of an endpoint's predictions in one environment."""
    return f"{_PREFIX}{environment}:{endpoint}"


def prediction_frame(records: Sequence[PredictionRecord]) -> pl.DataFrame:
    """Records as the log takes them; what differs per model is packed, so that a frame stays
    narrow.
    """
    times = [record.at for record in records]
    ids = [record.id for record in records]
    packed = [pack_stored(record) for record in records]
    columns = {
        "_id": pl.Series(ids, dtype=pl.String),
        "_content": pl.Series(
            [name.encode()[:16].ljust(16, b"\0") for name in ids], dtype=pl.Binary
        ),
        "_op": pl.Series(["insert"] * len(ids), dtype=pl.String),
        **{
            name: pl.Series(times, dtype=pl.Int64)
            for name in ("_event_time", "_known_at", "_appended_at", "_visible_at")
        },
        "_history": pl.Series([False] * len(ids), dtype=pl.Boolean),
        "record": pl.Series(packed, dtype=pl.Binary),
    }
    return pl.DataFrame(columns)


def iter_predictions(
    log: LogReader, topic: str, *, start: int = 0, stop: int | None = None
) -> Iterator[PredictionRecord]:
    """The predictions of a topic in the order of the log."""
    for frame in log.read(topic, start=start, stop=stop):
        yield from (unpack_stored(packed, PredictionRecord) for packed in frame["record"].to_list())


def find_topic(log: LogReader, prediction: str) -> tuple[str, int] | None:
    """The topic and the offset of a prediction, wherever it was made; None when it is unknown."""
    for topic in log.topics():
        if topic.startswith(_PREFIX) and (
            identity := log.find(topic, [prediction]).get(prediction)
        ):
            return topic, identity.offset
    return None


def find_prediction(log: LogReader, prediction: str) -> tuple[str, PredictionRecord] | None:
    """The topic and the record of a prediction, wherever it was made; None when it is unknown."""
    found = find_topic(log, prediction)
    if found is None:
        return None
    topic, offset = found
    return topic, next(iter_predictions(log, topic, start=offset, stop=offset + 1))


def place_of_topic(topic: str) -> tuple[str, str]:
    """The environment and the endpoint of a topic of predictions; `inference_topic` is the inverse.

    >>> place_of_topic(inference_topic("dev", "late"))
    ('dev', 'late')
    """
    environment, _, endpoint = topic.removeprefix(_PREFIX).partition(":")
    return environment, endpoint
