"""The client in TypeScript: compiled strictly, and run by Node against a server."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.journeys.served_shop import run, served_shop

SOURCES = Path(__file__).parents[1] / "typescript"
COMPILER = SOURCES / "node_modules" / "typescript" / "bin" / "tsc"
STRICT = [
    "--strict",
    "--exactOptionalPropertyTypes",
    "--noUncheckedIndexedAccess",
    "--noImplicitOverride",
    "--noUnusedLocals",
    *("--target", "es2022", "--lib", "es2022,dom", "--module", "nodenext"),
]
NODE = shutil.which("node") or ""

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(not NODE, reason="node is not installed"),
    pytest.mark.skipif(
        not COMPILER.exists(), reason="typescript is not installed: npm ci in tests/typescript"
    ),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with served_shop(tmp_path_factory.mktemp("typescript")) as served:
        yield served


@pytest.fixture(scope="module")
def folder(shop, tmp_path_factory):
    """A folder with the generated client, and what uses it."""
    found = tmp_path_factory.mktemp("client")
    run("openapi", "--typescript", found / "mainspring.ts", cwd=shop.folder)
    for name in ("use.ts", "wrong.ts", "package.json"):
        shutil.copy(SOURCES / name, found / name)
    return found


def compiled(folder, name):
    command = [NODE, COMPILER, *STRICT, "--outDir", folder / "out", folder / name]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_client_compiles_strictly_and_asks_a_server(shop, folder):
    done = compiled(folder, "use.ts")
    assert done.returncode == 0, done.stdout
    shutil.copy(folder / "package.json", folder / "out" / "package.json")
    command = [NODE, folder / "out" / "use.js", shop.url, shop.token]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    answers = json.loads(asked.stdout)
    first, second = answers.pop("scores")
    assert first == second
    assert answers == {
        "outcome": "identical",
        "ready": True,
        "refused": "SRV-005",
        "unknown": 401,
        "environment": "dev",
        "labels": 1,
        "labelsRefused": ["SRV-080"],
        "labelsAgain": 1,
        "lost": "AnswerLost",
        "askedWhenLost": 1,
        "repeated": 1,
        "late": True,
    }


def test_a_row_without_a_field_does_not_compile(folder):
    done = compiled(folder, "wrong.ts")
    assert done.returncode != 0
    assert "distance_km" in done.stdout
