"""Where an environment declares that its models compute."""

import pytest

from mainspring.ports.placement import Placement
from mainspring.project.config.config import EnvironmentConfig, parse_config
from mainspring.project.errors import ProjectErrors
from mainspring.serving.execution.declared import Execution

DECLARED = """name = "shop"
[environments.prod.execution]
provider = "cuda"
fallback = "cpu"
device = 1
gpu_memory = "4GiB"
gather_ms = 2.5
"""


def parsed(text: str, environment: str = "prod") -> EnvironmentConfig:
    return parse_config(text, path="project.toml", name="shop").environment(environment)


def test_an_environment_declares_where_its_models_compute() -> None:
    found = parsed(DECLARED).execution

    assert found == Execution(
        provider="cuda", fallback="cpu", device=1, memory_limit="4GiB", gather_ms=2.5
    )
    assert found.place == Placement(
        provider="cuda", fallback="cpu", device=1, memory_bytes=4 * 2**30
    )


def test_without_a_declaration_models_compute_on_the_cpu() -> None:
    assert parsed(DECLARED, "dev").execution == Execution()


def test_without_a_fallback_none_is_taken() -> None:
    text = '[environments.prod.execution]\nprovider = "cuda"\n'

    assert parsed(text).execution == Execution(provider="cuda")


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ('"cuda"', '"tpu"', 3, "provider: must be 'cpu' or 'cuda', not 'tpu'"),
        ('fallback = "cpu"', 'fallback = "cuda"', 4, "fallback: must be 'cpu', or left out"),
        ("device = 1", "device = -1", 5, "device: must be the number of a GPU, from 0 to 63"),
        ("device = 1", "device = true", 5, "device: must be the number of a GPU, from 0 to 63"),
        ('"4GiB"', '"much"', 6, "gpu_memory: must be a size such as '4GiB' or '500MB'"),
        ('"4GiB"', "4", 6, "gpu_memory: must be a size such as '4GiB' or '500MB'"),
        ("2.5", "51", 7, "gather_ms: must be a number of milliseconds from 0 to 50, not 51"),
        ("2.5", "nan", 7, "gather_ms: must be a number of milliseconds from 0 to 50"),
        ("2.5", "true", 7, "gather_ms: must be a number of milliseconds from 0 to 50"),
        ("device = 1", "gpu = 1", 5, "gpu: is not a setting; known here: device, fallback"),
    ],
)
def test_a_fault_names_the_key_its_line_and_what_it_may_be(
    right: str, wrong: str, line: int, said: str
) -> None:
    with pytest.raises(ProjectErrors) as told:
        parsed(DECLARED.replace(right, wrong))

    assert f"project.toml:{line}" in str(told.value)
    assert f"environments.prod.execution.{said}" in str(told.value)


def test_requests_of_a_slow_model_on_the_cpu_may_wait_for_others_too() -> None:
    assert parsed("[environments.prod.execution]\ngather_ms = 2\n").execution.gather_s == 0.002


@pytest.mark.parametrize("setting", ['fallback = "cpu"', "device = 1", 'gpu_memory = "1GiB"'])
def test_what_only_a_gpu_reads_is_a_fault_without_one(setting: str) -> None:
    with pytest.raises(ProjectErrors, match="goes with provider = 'cuda'"):
        parsed(f"[environments.prod.execution]\n{setting}\n")
