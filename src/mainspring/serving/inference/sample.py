"""Which predictions are logged where an endpoint logs a share of them."""

from hashlib import blake2b

__all__ = ["is_within_sample"]

_HASHES = 1 << 64


def is_within_sample(prediction: str, share: float) -> bool:
    """Whether a prediction is among this share of them: by a hash of its id, so that whoever has
    the id finds the same, and a larger share has all of a smaller one.

    >>> ids = [f"prediction-{number}" for number in range(1000)]
    >>> sum(is_within_sample(each, 0.1) for each in ids)
    104
    >>> is_within_sample(ids[0], 1.0), is_within_sample(ids[0], 0.0)
    (True, False)
    """
    # Without the kind: an id that says that it is not logged stands for the same prediction.
    number = prediction.partition("-")[2].encode()
    return int.from_bytes(blake2b(number, digest_size=8).digest()) < share * _HASHES
