"""Requests that nobody should send, of the kinds that a protocol of numbers invites: bodies that
unpack to far more than they are, numbers beyond every datatype, tensors whose sizes lie, and two
requests that look like one.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from tests.attacks.mutations import Kind

__all__ = ["PROTOCOL_KINDS"]

_INFER, _PREDICT = "/v2/models/late/infer", "/v1/endpoints/late/predict"
_NUMBERS = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" * 400, "-" + "9" * 25),
    *("9223372036854775808", "18446744073709551616", "1e-400", "0x10", "1_000", "01", "+1", "."),
)


def _post(path: str, token: str, body: bytes, *headers: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        *headers,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _tensor(**changed: object) -> dict[str, object]:
    good = {"name": "features", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}
    return {"inputs": [{**good, **changed}]}


@cache
def _bomb(megabytes: int) -> bytes:
    return b'{"rows": [' + b" " * (megabytes << 20) + b"]}"


def _zipped(random: Random) -> tuple[bytes, str]:
    """A packed body, and what it says that it is packed by."""
    plain = _bomb(random.choice([1, 40, 64]))
    whole = gzip.compress(plain, 1)
    return random.choice(
        [
            (whole, "gzip"),
            (zlib.compress(plain, 1), "deflate"),
            (gzip.compress(whole, 1), "gzip, gzip"),
            (gzip.compress(whole, 1), "gzip"),
            (whole[: len(whole) // 2], "gzip"),
            (whole * 2, "gzip"),
            (b"\x1f\x8b" + random.randbytes(500), "gzip"),
            (b"{}", "gzip"),
            (whole, "br"),
            (whole, "gzip" * 300),
        ]
    )


def _packed(random: Random, token: str) -> bytes:
    body, coding = _zipped(random)
    path = random.choice([_INFER, _PREDICT, "/v1/sources/sales/events"])
    return _post(path, token, body, f"Content-Encoding: {coding}")


def _number(random: Random, token: str) -> bytes:
    number = random.choice(_NUMBERS)
    place = random.choice(["data", "shape", "row", "size"])
    if place == "row":
        return _post(_PREDICT, token, f'{{"rows": [{{"shop": {number}}}]}}'.encode())
    if place == "size":
        text = json.dumps(_tensor(parameters={"binary_data_size": "HERE"}))
    else:
        text = json.dumps(_tensor(**{place: ["HERE", 1]}))
    return _post(_INFER, token, text.replace('"HERE"', number).encode())


def _binary(random: Random, token: str) -> bytes:
    """The binary extension, with sizes that lie."""
    size = random.choice([0, 1, 7, 8, 9, -8, 2**31, 2**63, 10**30])
    data = random.randbytes(random.choice([0, 7, 8, 16, 4_000]))
    tensor = _tensor(
        datatype=random.choice(["FP64", "FP32", "BYTES", "BOOL", "INT64", "FP16", "BF16", "X"]),
        shape=random.choice([[1, 1], [1, -1], [2**40, 2**40], [0, 1], [1], [[1]], None]),
        parameters={"binary_data_size": size},
    )
    del tensor["inputs"][0]["data"]  # type: ignore[index]
    head = json.dumps(tensor).encode()
    length = random.choice([len(head), 0, len(head) + 1, -1, 10**30, "1e3", "", " 5", "5, 5"])
    return _post(_INFER, token, head + data, f"Inference-Header-Content-Length: {length}")


_SPLIT = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
_SMUGGLED: tuple[Callable[[int], tuple[str, ...]], ...] = (
    lambda size: (f"Content-Length: {size}", "Transfer-Encoding: chunked"),
    lambda size: ("Transfer-Encoding: chunked", f"Content-Length: {size}"),
    lambda size: (f"Content-Length: {size}", "Content-Length: 2"),
    lambda size: (f"Content-Length: {size}, 2",),
    lambda size: (f"Content-Length: +{size}",),
    lambda size: (f"Content-Length: {size}_0",),
    lambda _: ("Content-Length: -1",),
    lambda _: ("Transfer-Encoding : chunked",),
    lambda _: ("Transfer-Encoding: xchunked",),
    lambda _: ("Transfer-Encoding: chunked, identity",),
    lambda _: ("Transfer-Encoding: identity, chunked, chunked",),
    lambda _: ("Transfer-Encoding:\x0bchunked",),
    lambda _: ("X: y\r\n Transfer-Encoding: chunked",),
    lambda size: (f"Content-Length: {size}\r", "Transfer-Encoding: chunked"),
)


def _smuggled(random: Random, token: str) -> bytes:
    """A request whose end two readers would see in two places."""
    body = "0\r\n\r\n" + _SPLIT
    headers = random.choice(_SMUGGLED)(len(body))
    lines = [f"POST {_PREDICT} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    return "\r\n".join([*lines, *headers, "", body]).encode("latin-1")


def _deep(random: Random, token: str) -> bytes:
    depth = random.choice([33, 5_000, 200_000])
    opened, closed = random.choice([("[", "]"), ('{"a":', "}"), ('[{"data":', "}]")])
    shape = opened * depth + "1" + closed * random.choice([depth, 0])
    text = json.dumps(_tensor(data="HERE")).replace('"HERE"', shape)
    return _post(random.choice([_INFER, _PREDICT]), token, text.encode())


def _pipelined(random: Random, token: str) -> bytes:
    """More requests than may wait, the last of them broken."""
    one = _post(_PREDICT, token, b'{"rows": [{"shop": "a"}]}')
    return one * random.choice([2, 40, 400]) + random.choice([b"", b"nonsense\r\n\r\n", one[:50]])


PROTOCOL_KINDS: Mapping[str, Kind] = {
    "protocol: a packed body": _packed,
    "protocol: a number": _number,
    "protocol: a binary tensor": _binary,
    "protocol: two requests in one": _smuggled,
    "protocol: depth": _deep,
    "protocol: many at once": _pipelined,
}
"""Kinds by name, as in `mutations.KINDS`."""
