"""JSON of records, with words for the numbers that JSON has none for.

NaN and the infinities are the texts `NaN`, `Infinity` and `-Infinity`, as in the JSON mapping of
Protocol Buffers and in MLflow's protocol.  msgspec, like others, would write null, and nobody could
tell a number that is none from one that is missing.
"""

import math

import msgspec

__all__ = ["encode_json", "json_value", "spell_number"]


_ENCODER = msgspec.json.Encoder()


def encode_json(record: object, *, encoder: msgspec.json.Encoder = _ENCODER) -> bytes:
    """The record as the encoder writes it, numbers that JSON lacks as text.

    >>> encode_json([1.5, float("-inf"), None])
    b'[1.5,"-Infinity",null]'

    Cost: that of the encoder where the JSON has no null, as most has; some ten times as much else.
    """
    payload = encoder.encode(record)
    if b"null" not in payload:
        return payload
    plain: object = msgspec.to_builtins(record, str_keys=True, enc_hook=encoder.enc_hook)
    return encoder.encode(json_value(plain))


def json_value(value: object) -> object:
    """A plain value with the numbers that JSON lacks as text.

    >>> json_value({"auc": float("nan")})
    {'auc': 'NaN'}
    """
    match value:
        case float() if not math.isfinite(value):
            return spell_number(value)
        case dict():
            return {name: json_value(part) for name, part in value.items()}
        case list() | tuple():
            return [json_value(part) for part in value]
        case _:
            return value


def spell_number(value: float) -> str:
    """The text that stands for a number that JSON lacks."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
