"""Questions of KServe's client to a running server, in a process of the client's own environment:
nothing of ours can be imported here.  See test_kserve_client.
"""

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

TYPES = {"BOOL": np.bool_, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64}


def array_of(datatype: str, values: list) -> np.ndarray:
    """The values as the client wants them."""
    if datatype == "BYTES":
        return np.array([each.encode() for each in values], dtype=object)
    return np.array(values, dtype=TYPES.get(datatype) or np.dtype(datatype.lower()))


def as_json(array: np.ndarray) -> list:
    """What it has, with texts for bytes."""
    return [each.decode() if isinstance(each, bytes) else each for each in array.tolist()]


async def health(client: InferenceRESTClient, base: str, models: list[str]) -> dict:
    """What the client says of the server, and of each model."""
    return {
        "is_live": await client.is_server_live(base),
        "is_ready": await client.is_server_ready(base),
        "models": {model: await client.is_model_ready(base, model) for model in models},
    }


async def scored(client: InferenceRESTClient, base: str, question: dict) -> dict:
    """The answer as the client reads it, or the response with which it raised: its own message has
    the error of `application/json` only, and ours is a problem document.
    """
    datatype, values = question["datatype"], question["values"]
    given = InferInput("x", [len(values)], datatype)
    given.set_data_from_numpy(array_of(datatype, values), binary_data=question["binary_in"])
    asked = InferRequest(
        question["model"],
        [given],
        request_id=question["id"],
        request_outputs=[RequestedOutput("y", {"binary_data": question["binary_out"]})],
    )
    headers: dict[str, str] = {}
    try:
        found = await client.infer(
            base, asked, model_name=question["model"], response_headers=headers
        )
    except httpx.HTTPStatusError as refused:
        response = refused.response
        return {"status": response.status_code, "error": response.json()["error"]}
    [output] = found.outputs
    return {
        "id": found.id,
        "model": found.model_name,
        "output": [output.name, output.datatype, output.shape],
        "values": as_json(output.as_numpy()),
        "is_binary": "inference-header-content-length" in headers,
    }


async def main() -> None:
    """Usage: kserve_asking.py BASE, with {"models": […], "questions": […]} on standard input; the
    answers are the last line of standard output.
    """
    base, asked = sys.argv[1], json.load(sys.stdin)
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        found = {
            "health": await health(client, base, asked["models"]),
            "answers": [await scored(client, base, each) for each in asked["questions"]],
        }
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
