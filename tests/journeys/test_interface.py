"""What programs and people call a server by: its document, its clients, its metrics."""

import asyncio
import json
import stat
import urllib.request

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mainspring.client.serving import AsyncServingClient, ServingClient
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
