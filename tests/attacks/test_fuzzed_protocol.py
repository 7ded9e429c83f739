"""Requests of the Open Inference Protocol with something wrong in them, by chance: each is answered
or refused as the caller's fault; none ends in another exception, and none answers other values than
were sent.
"""

import gzip
import json
import os
import struct
import zlib
from collections.abc import Callable
from random import Random

import pytest

from mainspring.app.http.problem import status_of
from mainspring.elements.errors import MainspringError
from mainspring.ports.http import Call
from mainspring.serving.protocol import ProtocolApi, matrix_model
from mainspring.serving.protocol.binary import bytes_of_array
from tests.unit.serving.conftest import Adder
from tests.unit.serving.test_protocol_forms import VALUES, api_of, array_of, identity

ROUNDS = int(os.environ.get("MAINSPRING_FUZZ_ROUNDS", "1000"))
SEED = int(os.environ.get("MAINSPRING_FUZZ_SEED", "0"))
ODD = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, 1e308, 5e-324),
    *("", "x", "INT64", "BYTES", "FP16", "x" * 10_000, "\x00"),
    *([], {}, [[]], [[[[[[1]]]]]], {"binary_data_size": 3}, {"binary_data_output": True}),
)
LENGTH = "inference-header-content-length"


def requests() -> list[tuple[ProtocolApi, dict[str, object], bytes]]:
    """Of each datatype a request in JSON and one in binary data, and one of a matrix."""
    found: list[tuple[ProtocolApi, dict[str, object], bytes]] = []
    for datatype, values in VALUES.items():
        api, chunk = identity(datatype), bytes_of_array(array_of(datatype), datatype)
        tensor = {"name": "in0", "shape": [3], "datatype": datatype}
        size = {"parameters": {"binary_data_size": len(chunk)}}
        asked = {"id": "1", "outputs": [{"name": "out0"}]}
        found.append((api, {**asked, "inputs": [tensor | {"data": values}]}, b""))
        found.append((api, {**asked, "inputs": [tensor | size]}, chunk))
    matrix = matrix_model("same", "1", Adder(2), ["a", "b"])
    rows = {"name": "features", "shape": [2, 2], "datatype": "FP64", "data": [[1, 2], [3, None]]}
    found.append((api_of(matrix), {"inputs": [rows]}, b""))
    return found


def changed(random: Random, value: object) -> object:
    """The value with one part of it replaced, removed or doubled."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(list(value))
        match random.randrange(8):
            case 0:
                return {key: part for key, part in value.items() if key != name}
            case 1:
                return {**value, random.choice(["", "x", name.upper()]): value[name]}
            case _:
                return {**value, name: changed(random, value[name])}
    if isinstance(value, list) and value and random.random() < 0.9:
        place = random.randrange(len(value))
        if random.random() < 0.2:
            return value * 2 if random.random() < 0.5 else value[:place]
        return [*value[:place], changed(random, value[place]), *value[place + 1 :]]
    return random.choice(ODD)


def some_bytes_changed(random: Random, payload: bytes) -> bytes:
    found = bytearray(payload)
    for _ in range(random.choice([0, 0, 0, 1, 3])):
        if found:
            found[random.randrange(len(found))] = random.randrange(256)
    return bytes(found[: random.choice([len(found)] * 8 + [len(found) // 2])])


def packed(random: Random, body: bytes, headers: dict[str, str]) -> bytes:
    pack: tuple[str, Callable[[bytes], bytes]] = random.choice(
        [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", bytes), ("gzip", bytes)]
    )
    headers["content-encoding"] = pack[0]
    return some_bytes_changed(random, pack[1](body))


def call_of(random: Random, asked: object, chunk: bytes) -> Call:
    """A request as it is sent, with bytes, lengths and packing changed by chance too."""
    for _ in range(random.choice([0, 1, 1, 2, 4])):
        asked = changed(random, asked)
    head = some_bytes_changed(random, json.dumps(asked).encode("utf-8", "surrogatepass"))
    chunk = some_bytes_changed(random, chunk)
    headers: dict[str, str] = {}
    if chunk or random.random() < 0.1:
        length = len(head) + random.choice([0] * 9 + [1, -1, 10**9, -(10**9)])
        headers[LENGTH] = str(random.choice([length] * 9 + [0]))
    body = head + chunk
    if random.random() < 0.2:
        body = packed(random, body, headers)
    return Call("POST", path={"name": "same"}, headers=headers, body=body)


def status_when_sent(api: ProtocolApi, call: Call) -> int:
    try:
        return api.infer(call).status
    except MainspringError as error:
        return status_of(error)


@pytest.mark.parametrize("part", range(4))
def test_a_request_changed_by_chance_is_answered_or_is_the_callers_fault(part: int) -> None:
    random, known = Random(f"{SEED}/{part}"), requests()
    outcomes = {"answered": 0, "refused": 0}
    for turn in range(ROUNDS):
        api, asked, chunk = random.choice(known)
        call = call_of(random, asked, chunk)
        status = status_when_sent(api, call)
        assert status in (200, 400, 413, 415, 422), (turn, call)
        outcomes["answered" if status == 200 else "refused"] += 1
    # Both, so that neither everything nor nothing came through.
    assert min(outcomes.values()) > ROUNDS // 20, outcomes


@pytest.mark.parametrize("part", range(2))
def test_bytes_of_nothing_in_particular_are_refused(part: int) -> None:
    random = Random(f"{SEED}/bytes/{part}")
    api = identity("BYTES")
    for _ in range(ROUNDS):
        body = random.randbytes(random.randrange(200))
        framed = struct.pack("<I", random.choice([0, len(body), 2**32 - 1])) + body
        for headers in ({}, {LENGTH: "0"}, {LENGTH: str(random.randrange(300))}):
            call = Call("POST", path={"name": "same"}, headers=headers, body=framed)
            assert status_when_sent(api, call) in (200, 400), call
