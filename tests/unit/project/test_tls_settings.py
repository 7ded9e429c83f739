"""The files of TLS that an environment declares."""

from pathlib import Path

import pytest

from mainspring.ports.tls import ServerTlsFiles
from mainspring.project.config.config import parse_config
from mainspring.project.errors import ProjectErrors

DECLARED = """name = "shop"
[environments.prod.tls]
cert = "tls/server.crt"
key = "/etc/shop/server.key"
client_ca = "tls/callers.pem"
"""


def parsed(text: str, environment: str = "prod") -> ServerTlsFiles | None:
    return parse_config(text, path="project.toml", name="shop").environment(environment).tls


def test_paths_are_seen_from_the_folder_of_the_project() -> None:
    found = parsed(DECLARED)
    assert found is not None
    assert found.within(Path("/home/shop")) == ServerTlsFiles(
        Path("/home/shop/tls/server.crt"),
        Path("/etc/shop/server.key"),
        Path("/home/shop/tls/callers.pem"),
    )


def test_without_the_table_there_are_none() -> None:
    assert parsed(DECLARED, "staging") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DECLARED.replace("key =", "secret ="), "is not a setting"),
        (DECLARED.replace('key = "/etc/shop/server.key"\n', ""), "needs key"),
        (DECLARED.replace('"tls/callers.pem"', "7"), "must be the path of a file"),
    ],
)
def test_what_is_no_pair_of_files_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ProjectErrors, match=told):
        parsed(text)
