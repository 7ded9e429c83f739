"""What programs and people call a server by: its document, its clients, its metrics."""

import asyncio
import json
import shutil
import stat
import subprocess
import urllib.request
from contextlib import chdir

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import mainspring as ms
from mainspring.client.serving import AsyncServingClient, ServingClient
from tests.called_server import COMMAND
from tests.journeys.served_shop import ROW, run, served_shop

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with served_shop(tmp_path_factory.mktemp("interface")) as served:
        yield served


def get(shop, path):
    headers = {"Authorization": f"Bearer {shop.token}"}
    with urllib.request.urlopen(urllib.request.Request(shop.url + path, headers=headers)) as answer:
        return answer.read()


def test_the_command_writes_the_document_that_the_server_answers(shop):
    run("openapi", "--out", "openapi.json", cwd=shop.folder)
    written = shop.folder / "openapi.json"
    assert written.read_bytes() == get(shop, "/openapi.json")
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    document = json.loads(written.read_bytes())
    assert "/v1/endpoints/late-delivery/predict" in document["paths"]
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_without_a_file_the_document_is_printed(shop):
    assert json.loads(run("openapi", cwd=shop.folder)) == json.loads(get(shop, "/openapi.json"))


def test_the_client_predicts_and_replays(shop):
    with ServingClient(shop.url, token_file=shop.token_file) as client:
        assert client.is_ready()
        first, second = client.predict("late-delivery", [ROW, ROW])
        assert first.score == second.score
        assert client.replay(first.id).is_identical


def test_the_client_asks_for_many_predictions_at_once_in_a_loop(shop):
    async def asked():
        async with AsyncServingClient(shop.url, token_file=shop.token_file) as client:
            document = await client.openapi()
            rows = await asyncio.gather(*(client.predict("late-delivery", ROW) for _ in range(20)))
            return document, rows

    document, rows = asyncio.run(asked())
    assert document["openapi"] == "3.1.1"
    assert len({answer.id for [answer] in rows}) == 20


def test_top_shows_what_a_server_does(shop):
    with ServingClient(shop.url, token_file=shop.token_file) as client:
        client.predict("late-delivery", ROW)
        shown = run("top", "--url", shop.url, "--once", "--interval", "0.2", cwd=shop.folder)
        words = ("top", "--url", shop.url, "--once", "--interval", "0.2", "--json")
        record = json.loads(run(*words, cwd=shop.folder))
    assert "late_delivery v1 (current)" in shown
    assert "/v1/endpoints/{name}/predict" in shown
    assert record["map_version"] == 1
    assert record["log_bytes"] > 0


def test_a_dashboard_is_written_for_grafana(shop):
    run("export", "grafana", "--out", "serving.json", cwd=shop.folder)
    assert json.loads((shop.folder / "serving.json").read_bytes())["panels"]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_curl_that_a_server_prints_works_as_it_stands(shop):
    command = [COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=shop.folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            said = [server.stdout.readline() for _ in range(4)]
            pasted = subprocess.run(
                ["sh", "-c", "".join(said[2:4])],
                cwd=shop.folder,
                capture_output=True,
                text=True,
                check=True,
            )
        finally:
            server.terminate()
    [prediction] = json.loads(pasted.stdout)["predictions"]
    assert 0 <= prediction["score"] <= 1


def test_a_label_sent_back_by_id_is_there_for_the_next_training_set(shop):
    said = {"delivered_at": "2024-03-30T10:50:00Z", "shop": "north", "minutes": 50.0}
    with ServingClient(shop.url, token_file=shop.token_file) as client:
        [keyed] = client.predict("late-delivery", {**ROW, "order_id": 77_001})
        [keyless] = client.predict("late-delivery", ROW)
        told = client.feedback([{"prediction": keyed.id, **said}, {"prediction": keyless.id}])
    refused = [(each.row, each.code) for each in told.refused]
    assert (told.accepted, refused) == (1, [(1, "SRV-080")])
    with chdir(shop.folder):
        again = ms.Workspace.open(shop.folder).feedback({"prediction": keyed.id, **said})
    assert (again.duplicates, again.accepted) == (1, 0)
