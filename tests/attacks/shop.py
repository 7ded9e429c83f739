"""A small project that is applied once and copied for each attack, and a server over its folder
within this process.
"""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import httpx

import mainspring as ms
from mainspring.app.serve import EnvironmentServer, open_server
from mainspring.engines.http.application import asgi_application
from mainspring.ports.clock import Clock
from tests.copies import copied_tree
from tests.journeys.lateness import make_project

__all__ = ["SALE", "Desk", "copied", "desk_of", "make_project", "opened", "state_of"]

SALE = {"shop": "a", "at": "2024-05-05T00:00:00Z", "amount": 1.0}
_READY = "/v2/health/ready"


class Desk(NamedTuple):
    """A server that answers within this process; its background work is done by hand."""

    workspace: ms.Workspace
    server: EnvironmentServer

    def ask(self, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        """The status of an answer and its document; `body` makes it a POST."""
        return asyncio.run(self._ask(path, body))

    def ready(self) -> tuple[int, str]:
        """The status of readiness, and the reason."""
        status, told = self.ask(_READY)
        return status, str(told.get("reason", ""))

    def predict(self) -> tuple[int, dict[str, object]]:
        """Ask the endpoint."""
        return self.ask("/v1/endpoints/late/predict", {"rows": [{"shop": "a"}]})

    def push(self, name: str) -> tuple[int, dict[str, object]]:
        """Push a row."""
        return self.ask("/v1/sources/sales/events", {"rows": [{"sale": name, **SALE}]})

    async def _ask(self, path: str, body: object) -> tuple[int, dict[str, object]]:
        application = asgi_application(self.server.service)
        token = self.workspace.token().read_text().strip()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://127.0.0.1"
        ) as client:
            reply = await client.request(
                "GET" if body is None else "POST",
                path,
                headers={"Authorization": f"Bearer {token}"},
                content=None if body is None else json.dumps(body),
            )
        return reply.status_code, cast("dict[str, object]", reply.json())


def copied(applied: Path, folder: Path) -> Path:
    """A copy of an applied project."""
    return copied_tree(applied, folder / "shop")


def desk_of(project: Path, env: str = "dev", *, clock: Clock | None = None) -> Desk:
    """A server that starts over a project."""
    workspace = opened(project, env, clock=clock)
    return Desk(workspace, open_server(workspace))


def opened(project: Path, env: str = "dev", *, clock: Clock | None = None) -> ms.Workspace:
    """A project in an environment, at the time of a clock of the world."""
    workspace = ms.Workspace.open(project, env)
    if clock is None:
        return workspace
    runtime = replace(workspace.runtime, clock=clock)
    return ms.Workspace(workspace._files, runtime, environment=env, folder=workspace.folder)


def state_of(project: Path) -> Path:
    """The folder with the stores."""
    return project / ".mainspring"
