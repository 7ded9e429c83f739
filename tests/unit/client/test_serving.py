"""What the client of a server sends, when it sends it again, and what it makes of answers."""

import asyncio
import http.server
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from mainspring.client.errors import (
    AnswerLost,
    AnswerUnreadable,
    CallTimedOut,
    RequestRefused,
    ServerUnreachable,
)
from mainspring.client.serving import AsyncServingClient, CallRetries, ServingClient, TlsFiles
from mainspring.client.serving.tensors import parse_inference, render_inference
from mainspring.ports.errors import FileRefused

QUICK = CallRetries(most=3, first_s=0.001, longest_s=0.002)
PREDICTED = {"predictions": [{"id": "p", "score": 0.5, "version": "sha256:1", "at": 7}]}
LOST = object()
PREDICT = "/v1/endpoints/late/predict"


class Server:
    """Answers as it is told, in order, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.answers = [], []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                heads = {name.lower(): value for name, value in self.headers.items()}
                server.asked.append((self.path, heads, body))
                answer = server.answers.pop(0)
                if answer is LOST:
                    self.close_connection = True
                    return
                status, headers, payload = answer
                body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def server():
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.http.shutdown()
    thread.join()
    found.http.server_close()


def ask_in_a_thread(url, name, *args, client=None, **more):
    with ServingClient(url, **{"token": "t", "retries": QUICK, **(client or {})}) as found:
        return getattr(found, name)(*args, **more)


def ask_in_a_loop(url, name, *args, client=None, **more):
    async def asked():
        options = {"token": "t", "retries": QUICK, **(client or {})}
        async with AsyncServingClient(url, **options) as found:
            return await getattr(found, name)(*args, **more)

    return asyncio.run(asked())


@pytest.fixture(params=[ask_in_a_thread, ask_in_a_loop])
def ask(request):
    return request.param


def test_a_prediction_is_asked_for_in_the_name_of_a_token_and_with_a_deadline(ask, server):
    server.answers = [(200, {}, PREDICTED)]
    [found] = ask(server.url, "predict", "late", {"shop": "a"}, timeout_s=5)
    [(path, headers, body)] = server.asked
    assert (found.id, found.score, found.at) == ("p", 0.5, 7)
    assert (path, json.loads(body)) == (PREDICT, {"rows": [{"shop": "a"}]})
    assert headers["authorization"] == "Bearer t"
    assert 0 < int(headers["x-request-timeout-ms"]) <= 5_000


@pytest.mark.parametrize("status", [408, 429, 503])
def test_what_was_not_begun_is_sent_again(ask, server, status):
    server.answers = [(status, {}, {}), (status, {}, {}), (200, {}, PREDICTED)]
    assert ask(server.url, "predict", "late", {})[0].id == "p"
    assert len(server.asked) == 3


def test_a_refusal_is_not_sent_again(ask, server):
    problem = {"code": "FEA-003", "detail": "no shop", "remedy": "give one"}
    server.answers = [(422, {}, problem)]
    with pytest.raises(RequestRefused, match="422 FEA-003: no shop") as refused:
        ask(server.url, "predict", "late", {})
    assert (refused.value.status, len(server.asked)) == (422, 1)


def test_after_so_many_times_the_last_answer_is_raised(ask, server):
    server.answers = [(503, {}, {"code": "SRV-003"})] * 4
    with pytest.raises(RequestRefused, match="SRV-003"):
        ask(server.url, "predict", "late", {})
    assert len(server.asked) == 4


@pytest.mark.parametrize("lost", [LOST, (504, {}, {"code": "SRV-048"})])
def test_a_prediction_that_was_perhaps_logged_is_not_sent_again(ask, server, lost):
    server.answers = [lost, (200, {}, PREDICTED)]
    with pytest.raises((AnswerLost, RequestRefused)):
        ask(server.url, "predict", "late", {})
    assert len(server.asked) == 1


@pytest.mark.parametrize("lost", [LOST, (504, {}, {"code": "SRV-048"})])
def test_it_is_sent_again_where_its_caller_says_so(ask, server, lost):
    server.answers = [lost, (200, {}, PREDICTED)]
    assert ask(server.url, "predict", "late", {}, repeat_lost=True)[0].id == "p"


def test_reads_are_sent_again_after_a_lost_answer(ask, server):
    server.answers = [LOST, (200, {}, {"rows": [{"orders": 2}]})]
    assert ask(server.url, "features", ["shops"], {"shop": "a"}, at=9) == [{"orders": 2}]
    sent = [json.loads(body) for _, _, body in server.asked]
    assert sent == [{"features": ["shops"], "rows": [{"shop": "a"}], "at": 9}] * 2


def test_nobody_waits_longer_than_the_deadline_for_a_retry_after(ask, server):
    server.answers = [(503, {"retry-after": "60"}, {"code": "SRV-045"})]
    with pytest.raises(CallTimedOut, match="it said 503"):
        ask(server.url, "predict", "late", {}, timeout_s=2)
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_said_to_be_unreachable(ask, server):
    server.http.server_close()
    with pytest.raises((ServerUnreachable, AnswerLost)):
        ask("http://127.0.0.1:9", "predict", "late", {})


def test_what_is_no_answer_of_ours_is_said_to_be_none(ask, server):
    server.answers = [(200, {}, b"<html>")]
    with pytest.raises(AnswerUnreadable, match="address"):
        ask(server.url, "predict", "late", {})


def test_the_token_is_read_from_its_file_at_each_call(server, tmp_path):
    file = tmp_path / "token"
    server.answers = [(200, {}, {}), (200, {}, {})]
    with ServingClient(server.url, token_file=file) as client:
        for token in ("first", "second"):
            file.write_text(f"{token}\n")
            client.is_ready()
    given = [headers["authorization"] for _, headers, _ in server.asked]
    assert given == ["Bearer first", "Bearer second"]


def test_a_file_that_cannot_be_read_is_named(ask, server, tmp_path):
    with pytest.raises(FileRefused, match="nothing-here"):
        ask(server.url, "is_ready", client={"token_file": tmp_path / "nothing-here"})
    with pytest.raises(FileRefused, match="nothing-here"):
        ask(server.url, "is_ready", client={"tls": TlsFiles(tmp_path / "nothing-here")})


def test_a_server_that_is_not_ready_answers_so(ask, server):
    server.answers = [(503, {}, {"ready": False})]
    assert ask(server.url, "is_ready") is False


def test_tensors_go_and_come_as_bytes(ask, server):
    given = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "t": np.array(["a", "ß"])}
    head = {
        "model_name": "m",
        "model_version": "2",
        "outputs": [
            {"name": "y", "shape": [2], "datatype": "FP64", "parameters": {"binary_data_size": 16}}
        ],
    }
    told = json.dumps(head).encode()
    tail = np.array([1.5, np.nan]).tobytes()
    length = {"inference-header-content-length": str(len(told))}
    server.answers = [(200, length, told + tail)]
    found = ask(server.url, "infer", "m", given, outputs=["y"], version="2")
    [(path, headers, body)] = server.asked
    split = int(headers["inference-header-content-length"])
    assert path == "/v2/models/m/versions/2/infer"
    assert body[split:] == given["x"].tobytes() + b"\x01\0\0\0a\x02\0\0\0\xc3\x9f"
    assert np.array_equal(found.outputs["y"], [1.5, np.nan], equal_nan=True)


@pytest.mark.parametrize("dtype", ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"])
@pytest.mark.parametrize("is_binary", [False, True])
def test_every_datatype_is_sent_and_read(dtype, is_binary):
    array = np.array([[0, 1], [1, 0]], dtype=dtype)
    body, headers = render_inference({"x": array}, is_binary=is_binary)
    length = int(headers.get("Inference-Header-Content-Length", len(body)))
    head = json.loads(body[:length])
    echo = json.dumps({"model_name": "m", "outputs": head["inputs"]}).encode()
    told = {"inference-header-content-length": str(len(echo))}
    found = parse_inference(echo + body[length:], told).outputs["x"]
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


def test_pushing_needs_no_httpx():
    source = Path(__file__).parents[3] / "src/mainspring/client"
    assert not any("httpx" in file.read_text() for file in source.glob("*.py"))


def test_labels_are_sent_back_and_again_when_the_answer_is_lost(ask, server):
    refused = {"row": 1, "code": "SRV-080", "detail": "it lacks trip", "remedy": "send trip"}
    told = {"accepted": 1, "duplicates": 0, "quarantined": {}, "refused": [refused]}
    server.answers = [LOST, (200, {}, told)]
    rows = [{"prediction": "p", "label": True}, {"prediction": "q", "label": False}]
    found = ask(server.url, "feedback", rows, endpoint="late", replace=True)
    assert (found.accepted, found.refused[0].row, found.refused[0].code) == (1, 1, "SRV-080")
    (path, _, body), again = server.asked
    assert (path, json.loads(body)) == (
        "/v1/feedback",
        {"rows": rows, "endpoint": "late", "op": "replace"},
    )
    assert again[2] == body


def test_one_label_may_be_sent_as_it_is(ask, server):
    server.answers = [(200, {}, {"accepted": 1})]
    ask(server.url, "feedback", {"prediction": "p", "label": True})
    assert json.loads(server.asked[0][2]) == {"rows": [{"prediction": "p", "label": True}]}
