"""What a server says when it begins: what is served, where, and a curl that works as it stands."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from mainspring.app.http.address import ServerAddress, shown_path
from mainspring.interface.openapi.fields import example_row
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.rollouts.state import ABORTED
from mainspring.serving.served_endpoint import ServedEndpoint

__all__ = ["served_lines"]


def served_lines(served: ServedEnvironment, address: ServerAddress, token: Path) -> Iterator[str]:
    """A line for each endpoint and a call of it, and where the document is.

    Args:
        token: the file of the token that the calls are made with.
    """
    url = address.url
    for endpoint in served.endpoints.values():
        yield f"  {endpoint.name}: {_answering(endpoint)}"
        yield from _placed_lines(endpoint)
        if endpoint.current is not None:
            schema = endpoint.current.training_set.request_schema
            rows = json.dumps({"rows": [example_row(schema)]}, ensure_ascii=False)
            yield (
                f'  {address.curl} -H "Authorization: Bearer $(cat {shown_path(token)})" '
                f"{url}/v1/endpoints/{endpoint.name}/predict \\"
            )
            yield f"    -d {shlex.quote(rows)}"
    yield f"  all routes: {url}/openapi.json, metrics: {url}/metrics"


def _answering(endpoint: ServedEndpoint) -> str:
    if endpoint.current is None:
        return f"no model answers: {endpoint.refusal}"
    if endpoint.previous is None:
        return endpoint.current.label
    if endpoint.stands is not None and endpoint.stands.phase == ABORTED:
        return f"{endpoint.previous.label}; {endpoint.current.label} was taken back"
    return f"{endpoint.current.label}, taking over from {endpoint.previous.label}"


def _placed_lines(endpoint: ServedEndpoint) -> Iterator[str]:
    """Where its models compute, where that is not the CPU by default."""
    for model in (endpoint.current, endpoint.previous):
        if model is not None and model.scorer.placed.declared != "cpu":
            yield f"    {model.label} runs on {model.scorer.placed}"
