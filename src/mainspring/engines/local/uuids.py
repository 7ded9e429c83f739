"""UUIDs in their text form as two numbers, and back: 16 bytes where text has 36."""

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["halves_of_uuids", "text_of_halves"]

_Bytes = npt.NDArray[np.uint8]

_LENGTH = 36
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_PAIRS = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), np.uint16)
"""The two digits of each byte."""
_DASHES = (8, 13, 18, 23)
_PIECES = [slice(0, 8), slice(9, 13), slice(14, 18), slice(19, 23), slice(24, 36)]
_NO_DIGIT = 255
_VALUES = np.full(256, _NO_DIGIT, np.uint8)
_VALUES[_DIGITS] = np.arange(16)


def halves_of_uuids(texts: pl.Series) -> tuple[pl.Series, pl.Series] | None:
    """The upper and the lower 64 bits of each text; None where one is no UUID in lower case."""
    if len(texts[0]) != _LENGTH or not (texts.str.len_bytes() == _LENGTH).all():
        return None
    table = np.frombuffer(texts.str.join().item().encode(), np.uint8).reshape(-1, _LENGTH)
    if not all((table[:, place] == ord("-")).all() for place in _DASHES):
        return None
    values = _VALUES[np.concatenate([table[:, piece] for piece in _PIECES], axis=1)]
    if values.max() == _NO_DIGIT:
        return None
    whole = np.ascontiguousarray(values[:, ::2] << 4 | values[:, 1::2]).view(">u8")
    upper, lower = (pl.Series(whole[:, half].astype(np.uint64)) for half in (0, 1))
    return upper, lower


def text_of_halves(upper: pl.Series, lower: pl.Series) -> pl.Series:
    """The inverse of `halves_of_uuids`."""
    numbers = np.stack([upper.to_numpy(), lower.to_numpy()], axis=1)
    whole: _Bytes = numbers.astype(">u8").view(np.uint8)
    digits = _PAIRS[whole].view(np.uint8)
    table, at = np.full((len(upper), _LENGTH), ord("-"), np.uint8), 0
    for piece in _PIECES:
        size = piece.stop - piece.start
        table[:, piece] = digits[:, at : at + size]
        at += size
    return pl.Series(table.view(f"S{_LENGTH}").ravel()).cast(pl.String)
