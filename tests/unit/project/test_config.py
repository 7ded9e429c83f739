"""project.toml: defaults, what it may say, and every fault with its line."""

import pytest

from mainspring.project.config import default_config, parse_config
from mainspring.project.errors import ProjectErrors

KEY = "ed25519:" + "A" * 43 + "="


def test_without_settings_dev_is_open_and_the_others_are_protected() -> None:
    environments = default_config("shop").environments
    assert {name: env.protected for name, env in environments.items()} == {"dev": False, "staging": True, "prod": True}


def test_settings_are_read_whole() -> None:
    text = f'name = "shop"\n[cost]\ncpu_hour = 0.04\ncurrency = "USD"\n[environments.prod]\nrequires = ["gates", "approval"]\ntrust.approver = ["{KEY}"]\n'
    config = parse_config(text, path="project.toml", name="folder")
    prod = config.environments["prod"]
    assert (config.name, config.cost.cpu_hour, config.cost.currency) == ("shop", 0.04, "USD")
    assert (prod.protected, prod.requires, prod.trust["approver"]) == (True, ("gates", "approval"), (KEY,))


def test_an_environment_of_an_own_name_is_protected_unless_it_says_otherwise() -> None:
    config = parse_config("[environments.canary]\n[environments.lab]\nprotected = false\n", path="project.toml", name="shop")
    assert config.environments["canary"].protected
    assert not config.environments["lab"].protected


def test_all_faults_come_at_once_each_with_its_line() -> None:
    text = 'name = "a b"\n[environments.prod]\nprotcted = true\n[environments.prod.trust]\ntester = ["nokey"]\n[cost]\ncpu_hour = -1\n'
    with pytest.raises(ProjectErrors) as caught:
        parse_config(text, path="project.toml", name="shop")
    assert sorted(str(fault.at) for fault in caught.value.faults) == ["project.toml:1", "project.toml:3", "project.toml:5", "project.toml:7"]


def test_broken_toml_is_told_with_its_line() -> None:
    with pytest.raises(ProjectErrors, match=r"project.toml:2: PRJ-023"):
        parse_config('name = "a"\nx = = 1\n', path="project.toml", name="shop")
