"""Where an environment declares that its traces go."""

import pytest

from mainspring.ports.traces import Sampling, TraceSettings
from mainspring.project.config.config import parse_config
from mainspring.project.errors import ProjectErrors

DECLARED = """name = "shop"
[environments.prod.traces]
endpoint = "https://collector:4318"
sample = 0.01
headers = { authorization = "env:COLLECTOR_TOKEN" }
service = "late delivery"
"""


def parsed(text: str, environment: str = "prod") -> TraceSettings | None:
    return parse_config(text, path="project.toml", name="shop").environment(environment).traces


def test_all_of_it_is_read() -> None:
    assert parsed(DECLARED) == TraceSettings(
        endpoint="https://collector:4318",
        sampling=Sampling(share=0.01),
        headers={"authorization": "COLLECTOR_TOKEN"},
        service="late delivery",
    )


def test_an_address_alone_traces_every_request() -> None:
    text = 'name = "shop"\n[environments.prod.traces]\nendpoint = "http://localhost:4318"\n'
    found = parsed(text)
    assert found is not None
    assert found.sampling == Sampling(share=1.0, heeds_parent=True)


def test_without_the_table_nothing_is_sent() -> None:
    assert parsed(DECLARED, "staging") is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("sample =", "share =", "is not a setting"),
        ('endpoint = "https://collector:4318"\n', "", "there is none"),
        ("https://collector:4318", "collector:4318", "neither http:// nor https://"),
        ("sample = 0.01", "sample = 2", "a share from 0 to 1, not 2"),
        ("sample = 0.01", "sample = true", "a share from 0 to 1"),
        ("sample = 0.01", "sample = nan", "a share from 0 to 1"),
        ("authorization =", '"a b" =', "no name of a header"),
        ('"late delivery"', '" "', "must be a name"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(old: str, new: str, told: str) -> None:
    with pytest.raises(ProjectErrors, match=told):
        parsed(DECLARED.replace(old, new))


def test_a_secret_in_the_file_is_refused_and_not_repeated() -> None:
    with pytest.raises(ProjectErrors, match="must name an environment variable") as refused:
        parsed(DECLARED.replace("env:COLLECTOR_TOKEN", "s3cret"))
    assert "s3cret" not in str(refused.value)
