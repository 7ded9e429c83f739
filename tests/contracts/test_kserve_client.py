"""KServe's client against a running server.

It brings 66 packages, one of which wants an older protobuf than ours, so it has an environment of
its own (`make client-venvs`), whose Python asks; without that the tests are skipped by its name.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.contracts.identities import serving_identities
from tests.unit.engines.onnx.test_tensors import KINDS
from tools.source_tree import ROOT

ENVIRONMENT = ROOT / ".client-venvs" / "kserve"
ASKING = Path(__file__).with_name("kserve_asking.py")
VALUES = {
    "BOOL": [True, False, True],
    "BYTES": ["", "née", "a b"],
    "UINT64": [0, 2**53 + 1, 2**64 - 1],
    "INT64": [-(2**63), 2**53 + 1, 2**63 - 1],
    "FP16": [0.5, -2.0, 65504.0],
    "FP32": [0.5, -1.5, 2.0**-149],
    "FP64": [0.1, -1e308, 5e-324],
}
# JSON has no FP16: the client sends none so, and we answer none so.
FORMS = [
    (datatype, binary_in, binary_out)
    for datatype in sorted(KINDS)
    for binary_in in (True, False)
    for binary_out in (True, False)
    if datatype != "FP16" or (binary_in and binary_out)
]


def values_of(datatype):
    return VALUES.get(datatype, [1, 0, 100])


def question(model, datatype, values, *, binary_in=True, binary_out=True):
    return {
        "id": f"{model} of {datatype}",
        "model": model,
        "datatype": datatype,
        "values": values,
        "binary_in": binary_in,
        "binary_out": binary_out,
    }


QUESTIONS = {
    **{
        (datatype, binary_in, binary_out): question(
            datatype,
            datatype,
            values_of(datatype),
            binary_in=binary_in,
            binary_out=binary_out,
        )
        for datatype, binary_in, binary_out in FORMS
    },
    "wrong datatype": question("FP32", "FP64", [1.0]),
    "unknown model": question("none", "FP64", [1.0]),
}


@pytest.fixture(scope="module", params=["native", "uvicorn"])
def found(request, tmp_path_factory):
    """What the client has read: one process asks everything, since its import takes seconds."""
    if not (ENVIRONMENT / ".installed").exists():
        pytest.skip("kserve is not installed: make client-venvs")
    folder = tmp_path_factory.mktemp("models")
    asked = {"models": ["FP32", "none"], "questions": list(QUESTIONS.values())}
    with serving_identities(folder, "--server", request.param) as address:
        answered = subprocess.run(
            [ENVIRONMENT / "bin" / "python", "-I", ASKING, f"http://{address}"],
            input=json.dumps(asked),
            stdout=subprocess.PIPE,
            text=True,
            timeout=120,
            check=True,
            cwd=folder,
            env={"HOME": str(folder)},
        )
    answers = json.loads(answered.stdout.splitlines()[-1])
    return answers["health"], dict(zip(QUESTIONS, answers["answers"], strict=True))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_client_of_kserve_gets_back_what_it_sent(found, form):
    datatype, _, binary_out = form
    _, answers = found
    assert answers[form] == {
        "id": f"{datatype} of {datatype}",
        "model": datatype,
        "output": ["y", datatype, [3]],
        "values": values_of(datatype),
        "is_binary": binary_out,
    }


def test_the_client_of_kserve_finds_health_of_the_server_and_of_models(found):
    health, _ = found
    models = {"FP32": True, "none": False}
    assert health == {"is_live": True, "is_ready": True, "models": models}


@pytest.mark.parametrize(
    ("name", "status", "part"),
    [("wrong datatype", 400, "datatype FP64"), ("unknown model", 404, "SRV-091")],
)
def test_the_client_of_kserve_raises_with_what_is_wrong(found, name, status, part):
    _, answers = found
    assert answers[name]["status"] == status
    assert part in answers[name]["error"]
