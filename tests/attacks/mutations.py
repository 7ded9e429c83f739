"""Requests that nobody should send: kinds of them, each a function of chance, by tables of targets,
bodies, headers and framings.
"""

import getpass
import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from random import Random

import msgspec
import polars as pl

from mainspring.elements.actor import actor_of_user
from mainspring.sources.uploads.upload import DeclaredFile, upload_id

__all__ = ["KINDS", "Kind"]

Kind = Callable[[Random, str], bytes]
"""Makes the bytes of one request, given a token that is valid."""

_HOST = "Host: localhost"
_PREDICT, _EVENTS = "/v1/endpoints/late/predict", "/v1/sources/sales/events"
_INFER = "/v2/models/late/infer"
_FILES = "/v1/sources/sales/files"
_TARGETS = {
    "predict": _PREDICT,
    "events": _EVENTS,
    "infer": _INFER,
    "online": "/v1/features/online",
    "historical": "/v1/features/historical",
    "files": _FILES,
}
_GETS = {
    "health": "/healthz",
    "live": "/v2/health/live",
    "ready": "/v2/health/ready",
    "status": "/v1/status",
    "server": "/v2",
    "model": "/v2/models/late",
    "replay": "/v1/predictions/prediction-0/replay",
}


def _text(random: Random) -> str:
    """Text of every kind of sign, half of it long."""
    signs = random.choice(["a", "\x00", "é", "🙂", '"', "\\", "'; --", "{}", "\ud800", "\u202e"])
    return signs * random.choice([1, 7, 300, 5_000])


def _number(random: Random) -> object:
    return random.choice(
        [0, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400, 1e308, -0.0, 5e-324]
    )


def _scalar(random: Random) -> object:
    return random.choice([None, True, [], {}, [[]], _text(random), _number(random)])


_AT = "2024-05-04T00:00:00Z"
_SALE: Mapping[str, object] = {"sale": "1", "shop": "a", "at": _AT, "amount": 0.0}
_LINES = json.dumps(_SALE).encode() + b"\n"
_GOOD: Mapping[str, object] = {
    "predict": {"rows": [{"shop": "a"}]},
    "events": {"rows": [{"sale": "1", "shop": "a", "at": "2024-05-01T00:30:00Z", "amount": 0.0}]},
    "infer": {"inputs": [{"name": "features", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]},
    "online": {"features": ["takings"], "rows": [{"shop": "a"}], "at": None, "reasons": True},
    "historical": {"features": "takings", "rows": [{"shop": "a", "prediction_time": _AT}]},
    "files": {
        "file": "a.jsonl",
        "size_bytes": len(_LINES),
        "digest": f"sha256:{sha256(_LINES).hexdigest()}",
        "op": "",
        "history": False,
    },
}


def _dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def _changed(random: Random, value: object) -> object:
    """The value with one part of it replaced."""
    match value:
        case dict() if value and random.random() < 0.8:
            name = random.choice(list(value))
            return {**value, name: _changed(random, value[name])}
        case list() if value and random.random() < 0.8:
            place = random.randrange(len(value))
            return [*value[:place], _changed(random, value[place]), *value[place + 1 :]]
        case _:
            return _scalar(random)


def _renamed(random: Random, value: object) -> object:
    match value:
        case dict():
            name = random.choice(list(value))
            if random.random() < 0.5:
                return {_text(random) if key == name else key: each for key, each in value.items()}
            return {**value, name: _renamed(random, value[name])}
        case list() if value:
            return [_renamed(random, value[0])]
        case _:
            return value


_BODIES: Mapping[str, Callable[[Random, object], bytes]] = {
    "as it should be": lambda _, good: _dumped(good),
    "another value": lambda random, good: _dumped(_changed(random, good)),
    "two other values": lambda random, good: _dumped(_changed(random, _changed(random, good))),
    "another name": lambda random, good: _dumped(_renamed(random, good)),
    "cut short": lambda random, good: _dumped(good)[: random.randrange(20)],
    "one byte changed": lambda random, good: _flipped(random, _dumped(good)),
    "noise": lambda random, _: random.randbytes(random.choice([1, 100, 10_000])),
    "nothing": lambda _, __: b"",
    "a scalar": lambda random, _: _dumped(_scalar(random)),
    "deep lists": lambda random, _: b"[" * random.choice([33, 1_001, 100_000]),
    "deep objects": lambda random, _: b'{"rows":' * random.choice([33, 1_001, 50_000]),
    "deep in a row": lambda _, __: b'{"rows":[{"shop":' + b"[" * 900 + b"]" * 900 + b"}]}",
    "many rows": lambda random, _: (
        b'{"rows":[' + b"{}," * random.choice([9, 99, 999, 400_000]) + b"{}]}"
    ),
    "many lists": lambda random, _: (
        b'{"rows":[' + b"[]," * random.choice([9, 99, 999, 600_000]) + b"[]]}"
    ),
    "many names": lambda _, __: _dumped({"rows": [{f"n{n}": n for n in range(2_000)}]}),
    "a name twice": lambda _, __: b'{"rows":[{"shop":"a","shop":"b"}],"rows":[{"shop":"c"}]}',
    "long text": lambda _, __: b'{"rows":[{"shop":"' + b"a" * 100_000 + b'"}]}',
    "escapes": lambda _, __: b'{"rows":[{"shop":"' + b"\\u0000\\ud83d" * 500 + b'"}]}',
    "digits": lambda random, _: b'{"rows":[{"shop":' + b"9" * random.choice([20, 4_301]) + b"}]}",
    "not a number": lambda _, __: b'{"rows":[{"shop":NaN}],"inputs":[Infinity]}',
    "another encoding": lambda _, good: json.dumps(good).encode("utf-16"),
    "a mark of order": lambda _, good: b"\xef\xbb\xbf" + _dumped(good),
    "a comma too many": lambda _, good: _dumped(good)[:-1] + b",}",
    "two documents": lambda _, good: _dumped(good) * 2,
    "spaces": lambda _, good: b" " * 200_000 + _dumped(good),
}


def _flipped(random: Random, body: bytes) -> bytes:
    place = random.randrange(len(body))
    return body[:place] + bytes([random.randrange(256)]) + body[place + 1 :]


def _request(
    method: str, target: str, headers: tuple[str, ...], body: bytes | None = None
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + (body or b"")


def _of_body(target: str, make: Callable[[Random, object], bytes]) -> Kind:
    def kind(random: Random, token: str) -> bytes:
        body = make(random, _GOOD[target])
        return _request("POST", _TARGETS[target], (_HOST, f"Authorization: Bearer {token}"), body)

    return kind


_HEADERS: Mapping[str, Callable[[Random, str], tuple[str, ...]]] = {
    "another host": lambda _, token: ("Host: evil.example", f"Authorization: Bearer {token}"),
    "no host": lambda _, token: (f"Authorization: Bearer {token}",),
    "two hosts": lambda _, token: (_HOST, _HOST, f"Authorization: Bearer {token}"),
    "no token": lambda _, __: (_HOST,),
    "a wrong token": lambda random, __: (_HOST, f"Authorization: Bearer {random.random()}"),
    "a token of signs": lambda random, __: (_HOST, f"Authorization: Bearer {_line(random)}"),
    "another scheme": lambda _, token: (_HOST, f"Authorization: Basic {token}"),
    "two tokens": lambda _, token: (_HOST, *[f"Authorization: Bearer {token}"] * 2),
    "many headers": lambda random, __: (_HOST, *["A: b"] * random.choice([98, 101, 5_000])),
    "a long header": lambda random, __: (_HOST, "A: " + "b" * random.choice([9_000, 90_000])),
    "a folded header": lambda _, __: (_HOST, "A: b\r\n c"),
    "no colon": lambda _, __: (_HOST, "nonsense"),
    "signs in a name": lambda random, __: (_HOST, f"{_line(random)}: a"),
    "a cookie": lambda random, token: (_HOST, f"Authorization: Bearer {token}", "Cookie: a=b"),
    "an upgrade": lambda _, token: (_HOST, "Connection: Upgrade", "Upgrade: websocket"),
    "http2": lambda _, __: (_HOST, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"),
    "a range": lambda _, token: (_HOST, f"Authorization: Bearer {token}", "Range: bytes=0-1"),
    "expectations": lambda _, token: (_HOST, f"Authorization: Bearer {token}", "Expect: wonders"),
    "compressed": lambda _, token: (_HOST, "Content-Encoding: gzip", "Accept-Encoding: br"),
    "a proxy": lambda _, __: (_HOST, "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: evil"),
}


def _line(random: Random) -> str:
    return _text(random).replace("\n", "").replace("\r", "")


def _of_headers(make: Callable[[Random, str], tuple[str, ...]]) -> Kind:
    def kind(random: Random, token: str) -> bytes:
        if random.random() < 0.5:
            return _request("GET", random.choice(list(_GETS.values())), make(random, token))
        body = _dumped(_GOOD["predict"])
        return _request("POST", _PREDICT, make(random, token), body)

    return kind


_PATHS: Mapping[str, Callable[[Random], str]] = {
    "no such path": lambda random: f"/{random.random()}",
    "a slash more": lambda random: random.choice(list(_GETS.values())) + "/",
    "slashes": lambda random: "/" * random.randrange(2, 40),
    "dots": lambda random: "/v2/../" * random.randrange(1, 9) + "etc/passwd",
    "escaped": lambda random: "/v1/endpoints/" + "%2e%2f%00%ff" * random.randrange(1, 90),
    "a name of signs": lambda random: f"/v2/models/{_word(random)}",
    "a prediction of signs": lambda random: f"/v1/predictions/{_word(random)}/replay",
    "a query": lambda random: "/v1/status?" + "a=b&" * random.randrange(1, 2_000),
    "a long path": lambda random: "/" + "a" * random.choice([2_000, 60_000]),
    "another server": lambda random: "http://evil.example/v1/status",
    "an asterisk": lambda _: "*",
    "nothing": lambda _: "",
    "beyond ASCII": lambda _: "/é🙂",
    "a fragment": lambda _: "/v1/status#top",
}


def _word(random: Random) -> str:
    return random.choice(["..", "%00", "a" * 900, "%F0%9F%99%82", "late%20", "%25", "0", "null"])


def _of_path(make: Callable[[Random], str]) -> Kind:
    def kind(random: Random, token: str) -> bytes:
        method = random.choice(["GET", "POST", "HEAD"])
        body = b"{}" if method == "POST" else None
        return _request(method, make(random), (_HOST, f"Authorization: Bearer {token}"), body)

    return kind


_METHODS = ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "BREW", "get", "M-GET")


def _of_method(method: str) -> Kind:
    def kind(random: Random, token: str) -> bytes:
        target = random.choice([*_GETS.values(), *_TARGETS.values()])
        return _request(method, target, (_HOST, f"Authorization: Bearer {token}"))

    return kind


def _head(token: str, *headers: str) -> bytes:
    lines = [f"POST {_PREDICT} HTTP/1.1", _HOST, f"Authorization: Bearer {token}", *headers, "", ""]
    return "\r\n".join(lines).encode()


_CHUNKED = "Transfer-Encoding: chunked"
_FRAMINGS: Mapping[str, Callable[[Random, str], bytes]] = {
    "chunks": lambda _, token: _head(token, _CHUNKED) + b"2\r\n{}\r\n0\r\n\r\n",
    "chunks of a byte": lambda _, token: _head(token, _CHUNKED) + b"1\r\n \r\n" * 20_000,
    "a chunk without size": lambda _, token: _head(token, _CHUNKED) + b"zz\r\n{}",
    "a chunk below nothing": lambda _, token: _head(token, _CHUNKED) + b"-2\r\n{}",
    "a chunk too short": lambda _, token: _head(token, _CHUNKED) + b"1\r\n{}\r\n",
    "a chunk of all bytes": lambda _, token: _head(token, _CHUNKED) + b"f" * 17 + b"\r\n",
    "trailers": lambda _, token: _head(token, _CHUNKED) + b"0\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    "extensions": lambda _, token: _head(token, _CHUNKED) + b"2;" + b"a" * 70_000 + b"\r\n{}",
    "both lengths": lambda _, token: (
        _head(token, "Content-Length: 2", _CHUNKED) + b"0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n"
    ),
    "two lengths": lambda _, token: _head(token, "Content-Length: 2", "Content-Length: 3") + b"{}",
    "a length of signs": lambda _, token: _head(token, "Content-Length: +2") + b"{}",
    "a length of all bytes": lambda _, token: _head(token, f"Content-Length: {10**30}"),
    "too large": lambda _, token: _head(token, f"Content-Length: {33 * 2**20}") + b"{" * 99,
    "too short": lambda _, token: _head(token, "Content-Length: 1") + b"{}",
    "too long": lambda _, token: _head(token, "Content-Length: 500") + b"{}",
    "another encoding": lambda _, token: _head(token, "Transfer-Encoding: gzip, chunked"),
    "half a head": lambda random, token: _head(token)[: random.randrange(1, 90)],
    "nothing": lambda _, __: b"",
    "a handshake": lambda random, _: b"\x16\x03\x01" + random.randbytes(200),
    "noise": lambda random, _: random.randbytes(random.choice([1, 50, 5_000])),
    "HTTP/0.9": lambda _, __: b"GET /healthz\r\n\r\n",
    "HTTP/1.0": lambda _, __: b"GET /healthz HTTP/1.0\r\n\r\n",
    "HTTP/2": lambda _, __: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "line feeds": lambda _, __: b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "empty lines": lambda random, _: b"\r\n" * random.randrange(1, 500),
    "many at once": lambda random, _: (
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * random.choice([3, 30, 1_000])
    ),
    "one in another": lambda _, token: (
        _head(token, "Content-Length: 44") + b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ),
}


@cache
def _forms() -> Mapping[str, tuple[str, bytes]]:
    """The other forms of a push: their content types, and a body as it should be."""
    frame, stream, parquet = pl.DataFrame([_SALE] * 20), io.BytesIO(), io.BytesIO()
    frame.write_ipc_stream(stream)
    frame.write_parquet(parquet)
    return {
        "lines": ("application/x-ndjson", _LINES * 20),
        "arrow": ("application/vnd.apache.arrow.stream", stream.getvalue()),
        "parquet": ("application/vnd.apache.parquet", parquet.getvalue()),
    }


def _spliced(random: Random, body: bytes) -> bytes:
    """The body with eight bytes of it replaced: a length, an offset, a piece of a name."""
    place = random.randrange(len(body))
    eight = [b"\xff" * 8, bytes(8), (1 << 60).to_bytes(8, "little"), random.randbytes(8)]
    return body[:place] + random.choice(eight) + body[place + 8 :]


_DAMAGES: Mapping[str, Callable[[Random, bytes], bytes]] = {
    "as it should be": lambda _, good: good,
    "one byte changed": _flipped,
    "eight bytes changed": _spliced,
    "changed in many places": lambda random, good: _spliced(
        random, _spliced(random, _spliced(random, good))
    ),
    "cut short": lambda random, good: good[: random.randrange(len(good))],
    "twice": lambda _, good: good * 2,
    "without its beginning": lambda random, good: good[random.randrange(1, len(good)) :],
    "another form": lambda random, _: random.choice(list(_forms().values()))[1],
    "noise": lambda random, _: random.randbytes(random.choice([1, 100, 10_000])),
    "nothing": lambda _, __: b"",
    "deep": lambda random, _: b"[" * random.choice([40, 1_001, 100_000]),
    "very long": lambda _, good: good + b"a" * 3_000_000,
}


def _of_form(form: str, damage: Callable[[Random, bytes], bytes]) -> Kind:
    def kind(random: Random, token: str) -> bytes:
        content_type, good = _forms()[form]
        headers = (_HOST, f"Authorization: Bearer {token}", f"Content-Type: {content_type}")
        return _request("POST", _EVENTS, headers, damage(random, good))

    return kind


_CONTENT_TYPES: Mapping[str, Callable[[Random], str]] = {
    "unknown": lambda _: "application/x-python-pickle",
    "of signs": _line,
    "with parameters": lambda random: "application/x-ndjson" + "; a=b" * random.randrange(1, 900),
    "of capitals": lambda _: "APPLICATION/X-NDJSON",
    "of two": lambda _: "application/x-ndjson, application/vnd.apache.parquet",
    "empty": lambda _: "",
}


def _of_content_type(make: Callable[[Random], str]) -> Kind:
    def kind(random: Random, token: str) -> bytes:
        headers = (_HOST, f"Authorization: Bearer {token}", f"Content-Type: {make(random)}")
        return _request("POST", _EVENTS, headers, _LINES)

    return kind


def _part(random: Random, token: str, *, id_: str, offset: str, part: bytes = _LINES) -> bytes:
    """A part of an upload; half of them behind the declaration, in one go."""
    owned = (_HOST, f"Authorization: Bearer {token}")
    put = _request("PUT", f"{_FILES}/{id_}", (*owned, f"Upload-Offset: {offset}"), part)
    if random.random() < 0.5:
        return put
    return _request("POST", _FILES, owned, _dumped(_GOOD["files"])) + put


def _upload() -> str:
    """The upload of the good declaration, by the owner's token."""
    declared = msgspec.convert(_GOOD["files"], DeclaredFile)
    return upload_id("dev", "sales", actor_of_user(getpass.getuser()), declared)


_PARTS: Mapping[str, Callable[[Random, str], bytes]] = {
    "of nobody": lambda random, token: _part(
        random, token, id_=f"{random.getrandbits(128):032x}", offset="0"
    ),
    "of signs": lambda random, token: _part(random, token, id_=_word(random), offset="0"),
    "as it should be": lambda random, token: _part(random, token, id_=_upload(), offset="0"),
    "in another place": lambda random, token: _part(
        random, token, id_=_upload(), offset=str(random.choice([1, len(_LINES), 10**14]))
    ),
    "at no place": lambda random, token: _part(
        random, token, id_=_upload(), offset=random.choice(["", "-1", "0x1", "1e3", "9" * 90, "١"])
    ),
    "of other bytes": lambda random, token: _part(
        random, token, id_=_upload(), offset="0", part=_flipped(random, _LINES)
    ),
    "too long": lambda random, token: _part(
        random, token, id_=_upload(), offset="0", part=_LINES * random.choice([2, 9_999])
    ),
    "of nothing": lambda random, token: _part(random, token, id_=_upload(), offset="0", part=b""),
}

KINDS: Mapping[str, Kind] = {
    **{
        f"body of {target}: {name}": _of_body(target, make)
        for target in _TARGETS
        for name, make in _BODIES.items()
    },
    **{
        f"form {form}: {name}": _of_form(form, damage)
        for form in ("lines", "arrow", "parquet")
        for name, damage in _DAMAGES.items()
    },
    **{f"content type: {name}": _of_content_type(make) for name, make in _CONTENT_TYPES.items()},
    **{f"part: {name}": make for name, make in _PARTS.items()},
    **{f"headers: {name}": _of_headers(make) for name, make in _HEADERS.items()},
    **{f"path: {name}": _of_path(make) for name, make in _PATHS.items()},
    **{f"method: {method}": _of_method(method) for method in _METHODS},
    **{f"framing: {name}": make for name, make in _FRAMINGS.items()},
}
"""Every kind by its name."""
