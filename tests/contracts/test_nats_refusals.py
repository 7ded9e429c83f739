"""The log on NATS where a server is absent, refuses, is full, or is not what it was; and the ways
to be let in.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import nkeys
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mainspring.engines.nats.connection import NatsConnection, NatsServer
from mainspring.engines.nats.log import NatsLog
from mainspring.engines.nats.stream import JetStream
from mainspring.ports.errors import StoreBusy, StoreDamaged, StoreFailed
from mainspring.testing.contracts.log import FACTS, records
from tests.contracts.nats_server import RunningServer, wait_until

Start = Callable[..., RunningServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server with a configuration, and ends it."""
    started: list[RunningServer] = []

    def start_one(configuration: str = "", **settings: str) -> RunningServer:
        started.append(
            RunningServer(tmp_path / f"server-{len(started)}", configuration, **settings)
        )
        started[-1].start()
        return started[-1]

    yield start_one
    for server in started:
        server.kill()


def append_megabytes(log: NatsLog, count: int) -> None:
    """Append records that cannot be compressed."""
    for _ in range(count):
        log.append({FACTS: records(["a"], payload=[os.urandom(900_000)])}, expected={})


def append_one(log: NatsLog, name: str = "a") -> int:
    """Append a record and close; the head."""
    head = log.append({FACTS: records([name])}, expected={})[FACTS]
    log.close()
    return head


def test_without_a_server_the_log_is_busy() -> None:
    with pytest.raises(
        StoreBusy, match=r"the log on NATS at 127\.0\.0\.1:9 was busy and could not connect"
    ):
        NatsLog("nats://someone:secret@127.0.0.1:9", patience_s=0.3)


def test_a_server_that_stays_away_is_told_after_the_patience(start: Start) -> None:
    server = start()
    log = NatsLog(server.url, patience_s=0.5)
    log.append({FACTS: records(["a"])}, expected={})
    server.kill()
    with pytest.raises(StoreBusy, match="busy and could not append"):
        log.append({FACTS: records(["b"])}, expected={})
    with pytest.raises(StoreBusy):
        wait_until(lambda: log.head(FACTS) != 1)
    log.close()


def test_a_wrong_password_is_refused_at_once_and_not_repeated_in_the_message(start: Start) -> None:
    server = start('authorization { user: "writer", password: "right" }')
    address = server.url.removeprefix("nats://")
    with pytest.raises(StoreFailed, match="uthorization") as refusal:
        NatsLog(f"nats://writer:mistaken@{address}")
    assert "mistaken" not in str(refusal.value)
    assert append_one(NatsLog(f"nats://writer:right@{address}")) == 1


def test_a_log_that_is_closed_says_so(start: Start) -> None:
    log = NatsLog(start().url)
    log.close()
    with pytest.raises(StoreFailed, match="closed"):
        log.append({FACTS: records(["a"])}, expected={})


def test_a_full_server_refuses_and_keeps_what_it_has(start: Start) -> None:
    log = NatsLog(start(jetstream="max_file_store: 3MB").url)
    with pytest.raises(StoreFailed, match="failed to append"):
        append_megabytes(log, 10)
    head = log.head(FACTS)
    assert 0 < head < 10
    assert sum(read.height for read in log.read(FACTS)) == head
    log.close()


@pytest.mark.parametrize("setting", ["max_age: 60.0", "discard: old"])
def test_a_stream_that_would_lose_records_is_refused(start: Start, setting: str) -> None:
    server = start()
    name, value = setting.split(": ")
    make_stream(server, {name: float(value) if value[0].isdigit() else value})
    with pytest.raises(StoreFailed, match=f"would lose records: {name} is"):
        NatsLog(server.url)


def make_stream(server: RunningServer, changes: dict[str, object]) -> None:
    """Make the stream before the log does, with other settings."""
    connection = NatsConnection(NatsServer(server.url))
    config = {
        "name": "mainspring",
        "subjects": ["mainspring.*"],
        "discard": "new",
        "allow_direct": True,
    } | changes
    connection.call("make", lambda client: client.jetstream().add_stream(**config))
    connection.close()


def test_a_message_of_another_program_is_named(start: Start) -> None:
    server = start()
    append_one(NatsLog(server.url))
    connection = NatsConnection(NatsServer(server.url))
    JetStream("mainspring", connection=connection, replicas=1).publish(
        "records", b"not one of ours"
    )
    connection.close()
    with pytest.raises(StoreDamaged, match="message 2 begins with b'not '"):
        NatsLog(server.url)


def test_an_index_of_another_stream_is_refused(start: Start, tmp_path: Path) -> None:
    server = start()
    append_one(NatsLog(server.url, tmp_path / "index.sqlite", stream="one"))
    with pytest.raises(StoreDamaged, match="was made from stream one"):
        NatsLog(server.url, tmp_path / "index.sqlite", stream="two")


def test_a_stream_that_was_replaced_under_a_log_is_told(start: Start) -> None:
    server = start()
    log = NatsLog(server.url)
    log.append({FACTS: records(["a"])}, expected={})
    connection = NatsConnection(NatsServer(server.url))
    connection.call("remove", lambda client: client.jetstream().delete_stream("mainspring"))
    connection.close()
    make_stream(server, {})
    with pytest.raises(StoreDamaged, match="gave number 1 again"):
        log.append({FACTS: records(["b"])}, expected={})
    with pytest.raises(StoreDamaged, match="was replaced by stream mainspring"):
        wait_until(lambda: log.head(FACTS) != 1)
    log.close()


def test_a_server_is_known_by_its_certificate(start: Start, tmp_path: Path) -> None:
    certificate, key = signed_by_itself(tmp_path)
    server = start(f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}')
    url = server.url.replace("nats:", "tls:")
    assert append_one(NatsLog(url, authority=certificate)) == 1
    with pytest.raises(StoreFailed, match="certificate verify failed"):
        NatsLog(url)


def signed_by_itself(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address, and its key."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True
    )
    certificate = builder.sign(key, hashes.SHA256())
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    unlocked = serialization.NoEncryption()
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    )
    return folder / "server.pem", folder / "server.key"


def test_a_file_of_credentials_lets_in(start: Start, tmp_path: Path) -> None:
    configuration, credentials = accounts(tmp_path)
    server = start(configuration)
    assert append_one(NatsLog(server.url, credentials=credentials)) == 1
    with pytest.raises(StoreFailed, match="uthorization"):
        NatsLog(server.url)
    with pytest.raises(StoreFailed, match="absent"):
        NatsLog(server.url, credentials=tmp_path / "absent")


def accounts(folder: Path) -> tuple[str, Path]:
    """A server's configuration with an operator, who signs accounts, who sign users; and the file
    of one user.
    """
    operator, system, account, user = (
        key_pair(prefix)
        for prefix in (
            nkeys.PREFIX_BYTE_OPERATOR,
            *[nkeys.PREFIX_BYTE_ACCOUNT] * 2,
            nkeys.PREFIX_BYTE_USER,
        )
    )
    boundless = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    stored = boundless | dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    tokens = {
        name_of(system): signed(
            system, operator, {"type": "account", "version": 2, "limits": boundless}
        ),
        name_of(account): signed(
            account, operator, {"type": "account", "version": 2, "limits": stored}
        ),
    }
    preloaded = "\n".join(f"{name}: {token}" for name, token in tokens.items())
    trusted = signed(operator, operator, {"type": "operator", "version": 2})
    configuration = (
        f"operator: {trusted}\nsystem_account: {name_of(system)}\nresolver: "
        f"MEMORY\nresolver_preload {{ {preloaded} }}"
    )
    token = signed(
        user, account, {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}
    )
    path = folder / "user.creds"
    block = "-----BEGIN {0}-----\n{1}\n------END {0}------\n\n"
    path.write_text(
        block.format("NATS USER JWT", token) + block.format("USER NKEY SEED", user.seed.decode())
    )
    return configuration, path


def key_pair(prefix: int) -> nkeys.KeyPair:
    return nkeys.from_seed(nkeys.encode_seed(os.urandom(32), prefix))


def name_of(pair: nkeys.KeyPair) -> str:
    return pair.public_key.decode()


def signed(subject: nkeys.KeyPair, issuer: nkeys.KeyPair, claims: dict[str, object]) -> str:
    """A token in which an issuer says this about a subject."""
    body = {
        "iat": 0,
        "iss": name_of(issuer),
        "name": "test",
        "sub": name_of(subject),
        "nats": claims,
    }
    body["jti"] = (
        base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
    )
    text = ".".join(
        encoded(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, body)
    )
    return f"{text}.{encoded(issuer.sign(text.encode()))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
