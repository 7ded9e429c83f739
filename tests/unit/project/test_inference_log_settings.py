"""What an environment declares of its inference log."""

import pytest

from mainspring.project.config.config import EnvironmentConfig, parse_config
from mainspring.project.errors import ProjectErrors
from mainspring.serving.inference.errors import LogIncomplete
from mainspring.serving.inference.spec import InferenceLog

DECLARED = """name = "shop"
[environments.dev.inference_log]
durability = "disk"
sample = 0.25
asynchronous = true
"""


def parsed(text: str, environment: str = "dev") -> EnvironmentConfig:
    return parse_config(text, path="project.toml", name="shop").environment(environment)


def test_an_open_environment_may_declare_all_of_it() -> None:
    said = InferenceLog(durability="disk", sample=0.25, asynchronous=True)
    assert parsed(DECLARED).inference_log == said
    assert parsed(DECLARED, "staging").inference_log == InferenceLog()


@pytest.mark.parametrize(("setting", "line"), [("sample = 0.5", 3), ("asynchronous = true", 3)])
def test_a_protected_environment_refuses_what_leaves_predictions_out(
    setting: str, line: int
) -> None:
    with pytest.raises(ProjectErrors) as told:
        parsed(f'name = "shop"\n[environments.prod.inference_log]\n{setting}\n')
    [fault] = told.value.faults
    assert isinstance(fault, LogIncomplete)
    assert str(fault.at) == f"project.toml:{line}"
    assert "prod is protected" in fault.message


def test_a_protected_environment_may_choose_what_a_record_survives() -> None:
    text = '[environments.prod.inference_log]\ndurability = "process"\nsample = 1\n'
    assert parsed(text, "prod").inference_log.durability == "process"


def test_every_fault_is_told_with_its_line() -> None:
    wrong = DECLARED.replace('"disk"', '"disc"').replace("0.25", "25").replace("true", '"no"')
    with pytest.raises(ProjectErrors) as told:
        parsed(wrong + "flush = 3\n")
    said = str(told.value)
    assert all(f"project.toml:{line}:" in said for line in (3, 4, 5, 6))
