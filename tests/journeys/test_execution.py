"""Where an environment declares that its models compute, on a machine without a GPU."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnxruntime
import pytest

from tests.called_server import COMMAND, post
from tests.journeys.served_shop import ROW, run

pytestmark = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has CUDA",
)
FALLBACK = "late_delivery v1 runs on cpu, the fallback: cuda is declared, and this ONNX Runtime has"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter's shop, applied; then dev is declared to compute on CUDA."""
    parent = tmp_path_factory.mktemp("execution")
    run("init", "shop", cwd=parent)
    folder = parent / "shop"
    run("apply", cwd=folder)
    with (folder / "project.toml").open("a") as settings:
        settings.write('\n[environments.dev.execution]\nprovider = "cuda"\n')
    (folder / "rows.jsonl").write_text(json.dumps(ROW) + "\n")
    return folder


@contextmanager
def announcing(shop: Path, *words: str) -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and what it says of its endpoint."""
    command = [COMMAND, "serve", "--port", "0", *words]
    with subprocess.Popen(command, cwd=shop, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            url = next(word for word in first.split() if word.startswith("http://"))
            yield url, [process.stdout.readline().strip() for _ in range(2)]
        finally:
            process.terminate()


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--port", "0"),
        ("predict", "late-delivery", "rows.jsonl"),
        ("batch-predict", "late-delivery", "rows.jsonl", "out.jsonl"),
    ],
)
def test_without_a_fallback_nothing_is_answered_elsewhere(
    shop: Path, words: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [COMMAND, *words], cwd=shop, capture_output=True, text=True, check=False, timeout=120
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("SRV-120 the model is declared to run on cuda")
    assert not (shop / "out.jsonl").exists()


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_a_fallback_answers_and_the_server_says_so(shop: Path, workers: tuple[str, ...]) -> None:
    with announcing(shop, "--fallback", "cpu", *workers) as (url, said):
        token = (shop / ".mainspring" / "token").read_text().strip()
        answer = post(f"{url}/v1/endpoints/late-delivery/predict", token, {"rows": [ROW]})

    assert said[0] == "late-delivery: late_delivery v1"
    assert said[1].startswith(FALLBACK)
    [prediction] = answer["predictions"]
    assert "identical" in run("replay", prediction["id"], cwd=shop)


def test_an_option_goes_before_the_settings(shop: Path) -> None:
    with announcing(shop, "--provider", "cpu") as (_, said):
        assert "curl" in said[1], "nothing is said of where it computes"
