"""A project that serves two models, what its endpoints answer with, and what somebody can do who
writes to its state database.
"""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mainspring.elements.identity import canonical_json
from mainspring.serving.host import EndpointHost

__all__ = ["ANOTHER", "ROLLOUT", "Disk", "label_of", "refusal_of", "trusting"]

ANOTHER = """

@ms.model(history, gates=[ms.gates.latency(p99_ms=500, requests=3)])
def quick(train, run):
    return lgb.LGBMClassifier(n_estimators=2, num_leaves=3, n_jobs=1, verbose=-1).fit(
        train.X, train.y
    )


ms.Endpoint("quick", model=quick)
"""
ROLLOUT = 'ms.Endpoint("slow", model=slow, rollout=ms.Canary(steps=[5, 100], hold="10m"))'


def trusting(folder: Path, *, tester: str, more: str = "") -> None:
    """Settings that trust a key for every role, in staging and in prod."""
    (folder / "project.toml").write_text(
        'name = "desk"\n'
        f'[environments.staging.trust]\ntester = ["{tester}"]\n{more}'
        '[environments.prod]\nrequires = ["gates", "approval"]\n'
        f'[environments.prod.trust]\ntester = ["{tester}"]\n'
    )


class Disk:
    """The documents of the project `desk`, written to without asking Mainspring."""

    def __init__(self, project: Path) -> None:
        self._path = project / ".mainspring" / "state.db"

    def read(self, kind: str, key: str) -> Any:
        sql = "SELECT payload FROM documents WHERE kind = ? AND key = ?"
        [(payload,)] = self._run(sql, kind, key)
        return json.loads(payload)

    def write(self, kind: str, key: str, document: Any) -> None:
        payload = document if isinstance(document, bytes) else canonical_json(document)
        sql = "UPDATE documents SET payload = ? WHERE kind = ? AND key = ?"
        self._run(sql, payload, kind, key)

    def add(self, kind: str, key: str, document: Any) -> None:
        columns = "(project, kind, key, version, payload)"
        sql = f"INSERT OR REPLACE INTO documents {columns} VALUES ('desk', ?, ?, 1, ?)"
        self._run(sql, kind, key, canonical_json(document))

    def remove(self, kind: str, prefix: str = "") -> None:
        self._run("DELETE FROM documents WHERE kind = ? AND key LIKE ?", kind, f"{prefix}%")

    def edit(self, kind: str, key: str, change: Callable[[Any], None]) -> None:
        document = self.read(kind, key)
        change(document)
        self.write(kind, key, document)

    def edit_map(self, change: Callable[[Any], None], env: str = "staging") -> None:
        """Edit the newest map wherever it lies."""
        self.edit("environment", env, change)
        number = self.read("environment", env)["version"]
        self.write("environment", f"{env}/{number:08d}", self.read("environment", env))

    def _run(self, sql: str, *arguments: object) -> list[Any]:
        with sqlite3.connect(self._path, timeout=10) as connection:
            return connection.execute(sql, arguments).fetchall()


def label_of(host: EndpointHost, endpoint: str = "slow") -> str:
    model = host.endpoint(endpoint).current
    return model.label if model else "nothing"


def refusal_of(host: EndpointHost, endpoint: str = "slow") -> str:
    return host.endpoint(endpoint).refusal
