"""project.toml: defaults, what it may say, and every fault with its line."""

from dataclasses import fields

import pytest

from mainspring.project.config.config import default_config, parse_config
from mainspring.project.config.engines import EngineChoice, EngineChoices
from mainspring.project.errors import ProjectErrors

KEY = "ed25519:" + "A" * 43 + "="


def test_without_settings_dev_is_open_and_the_others_are_protected() -> None:
    environments = default_config("shop").environments
    assert {name: env.protected for name, env in environments.items()} == {
        "dev": False,
        "staging": True,
        "prod": True,
    }


def test_settings_are_read_whole() -> None:
    text = (
        f'name = "shop"\n[cost]\ncpu_hour = 0.04\ncurrency = '
        f'"USD"\n[environments.prod]\nrequires = ["gates", "approval"]\ntrust.approver = '
        f'["{KEY}"]\n'
    )
    config = parse_config(text, path="project.toml", name="folder")
    prod = config.environments["prod"]
    assert (config.name, config.cost.cpu_hour, config.cost.currency) == ("shop", 0.04, "USD")
    assert (prod.protected, prod.requires, prod.trust["approver"]) == (
        True,
        ("gates", "approval"),
        (KEY,),
    )


def test_an_environment_of_an_own_name_is_protected_unless_it_says_otherwise() -> None:
    config = parse_config(
        "[environments.canary]\n[environments.lab]\nprotected = false\n",
        path="project.toml",
        name="shop",
    )
    assert config.environments["canary"].protected
    assert not config.environments["lab"].protected


def test_releasers_are_the_testers_unless_a_role_of_their_own_is_listed() -> None:
    text = (
        f'[environments.staging.trust]\ntester = ["{KEY}"]\n'
        f'[environments.prod.trust]\ntester = ["{KEY}"]\nreleaser = []\n'
        '[environments.prod.floors]\nrelease = 12\n"model.late" = 3\n'
    )
    environments = parse_config(text, path="project.toml", name="shop").environments
    staging, prod = (environments[name].trust_policy for name in ("staging", "prod"))
    assert (staging.releasers, prod.releasers) == ((KEY,), ())
    assert prod.floors == {"release": 12, "model.late": 3}


def test_a_misspelt_role_is_a_fault() -> None:
    text = f'[environments.prod.trust]\nreleasers = ["{KEY}"]\n'
    with pytest.raises(ProjectErrors) as told:
        parse_config(text, path="project.toml", name="shop")
    assert "known here: approver, releaser, tester" in str(told.value)


def test_no_environment_takes_models_without_time_unless_it_says_so() -> None:
    text = "[environments.prod]\nallow_timeless = true\n"
    environments = parse_config(text, path="project.toml", name="shop").environments
    refusing = {name for name, env in environments.items() if env.trust_policy.refuses_timeless}
    assert refusing == {"staging"}


def test_all_faults_come_at_once_each_with_its_line() -> None:
    text = (
        'name = "a b"\n[environments.prod]\nprotcted = '
        'true\n[environments.prod.trust]\ntester = ["nokey"]\n[cost]\ncpu_hour = -1\n'
    )
    with pytest.raises(ProjectErrors) as caught:
        parse_config(text, path="project.toml", name="shop")
    assert sorted(str(fault.at) for fault in caught.value.faults) == [
        "project.toml:1",
        "project.toml:3",
        "project.toml:5",
        "project.toml:7",
    ]


def test_broken_toml_is_told_with_its_line() -> None:
    with pytest.raises(ProjectErrors, match=r"project.toml:2: PRJ-023"):
        parse_config('name = "a"\nx = = 1\n', path="project.toml", name="shop")


def test_a_hundredth_of_all_reads_is_looked_at_again_unless_an_environment_says_otherwise() -> None:
    config = parse_config("[environments.prod]\nparity = 1\n", path="project.toml", name="shop")
    assert {name: env.parity for name, env in config.environments.items()} == {
        "dev": 0.01,
        "staging": 0.01,
        "prod": 1.0,
    }


@pytest.mark.parametrize("share", ["-0.1", "1.5", "nan", "true", '"all"'])
def test_what_is_no_share_is_a_fault(share: str) -> None:
    with pytest.raises(
        ProjectErrors, match=r"project.toml:2: PRJ-023 .*must be a share from 0 to 1"
    ):
        parse_config(f"[environments.prod]\nparity = {share}\n", path="project.toml", name="shop")


ENGINES = """
[engines]
log = "sqlite"
online = "sqlite"
objects = "s3://lake/objects"
[environments.prod.engines]
log = "nats://one:4222,nats://two:4222"
[environments.prod.engines.online]
url = "rediss://cache:6379/0"
username = "env:CACHE_USER"
password = "env:CACHE_PASSWORD"
[environments.prod.engines.tables]
url = "s3://lake/tables"
endpoint = "http://minio:9000"
secret_access_key = "env:LAKE_SECRET"
"""


def test_without_settings_everything_is_embedded() -> None:
    choices = default_config("shop").environments["prod"].engines
    products = {field.name: getattr(choices, field.name).product for field in fields(choices)}
    assert products == {
        "state": "sqlite",
        "log": "sqlite",
        "online": "lmdb",
        "tables": "files",
        "objects": "files",
        "compute": "local",
    }


def test_an_environment_uses_the_engines_of_the_project_but_for_those_it_names() -> None:
    config = parse_config(ENGINES, path="project.toml", name="shop")
    prod, dev, objects = (
        config.environments["prod"].engines,
        config.environments["dev"].engines,
        EngineChoice(product="s3", url="s3://lake/objects"),
    )
    assert (
        dev
        == config.engines
        == EngineChoices(online=EngineChoice(product="sqlite"), objects=objects)
    )
    assert prod == EngineChoices(
        log=EngineChoice(product="nats", url="nats://one:4222,nats://two:4222"),
        online=EngineChoice(
            product="redis",
            url="rediss://cache:6379/0",
            secrets={"username": "CACHE_USER", "password": "CACHE_PASSWORD"},
        ),
        tables=EngineChoice(
            product="s3",
            url="s3://lake/tables",
            settings={"endpoint": "http://minio:9000"},
            secrets={"secret_access_key": "LAKE_SECRET"},
        ),
        objects=objects,
    )


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ('online = "memcached"', "must be lmdb, sqlite, or an address such as redis://HOST:6379/0"),
        (
            'online = "s3://bucket"',
            "must be lmdb, sqlite, or an address such as redis://HOST:6379/0",
        ),
        ('online = "redis://host:port"', "must be lmdb"),
        ("log = 7", "must be sqlite, or an address such as nats://HOST:4222"),
        ('log = { stream = "x" }', "must be sqlite"),
        ('compute = "ray"', "must be local"),
        ('logs = "sqlite"', "is not a setting; known here: compute, log, online, tables"),
        (
            'tables = { url = "s3://lake", bucket = "x" }',
            "is not a setting; known here: access_key_id, endpoint, region",
        ),
        ('tables = { url = "s3://lake", endpoint = 9000 }', "must be a text, not 9000"),
        ('objects = "s3://lake"', "is not a setting; known here: compute, log, online, tables"),
        ('state = "sqlite"', "is not a setting; known here: compute, log, online, tables"),
    ],
)
def test_an_engine_that_cannot_be_meant_is_a_fault_with_what_can(setting: str, told: str) -> None:
    with pytest.raises(ProjectErrors) as caught:
        parse_config(f"[environments.prod.engines]\n{setting}\n", path="project.toml", name="shop")
    [fault] = caught.value.faults
    assert told in fault.message
    assert str(fault.at) == "project.toml:2"


def test_the_state_is_chosen_for_the_whole_project() -> None:
    said = '[engines]\nstate = "sqlite"\n'
    chosen = parse_config(said, path="project.toml", name="shop")
    assert chosen.environments["prod"].engines.state == EngineChoice(product="sqlite")
    with pytest.raises(ProjectErrors, match="must be sqlite"):
        parse_config(said.replace("sqlite", "oracle"), path="project.toml", name="shop")


@pytest.mark.parametrize(
    "setting",
    [
        'online = "redis://:hunter2@host:6379/0"',
        'online = "redis://host:6379/0?password=hunter2"',
        'log = "nats://one:4222,nats://me:hunter2@two:4222"',
        'online = { url = "redis://host:6379/0", password = "hunter2" }',
    ],
)
def test_a_secret_in_the_file_is_a_fault_that_does_not_repeat_it(setting: str) -> None:
    with pytest.raises(ProjectErrors) as caught:
        parse_config(f"[engines]\n{setting}\n", path="project.toml", name="shop")
    assert len(caught.value.faults) == 1
    assert "env:NAME" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_environment_says_into_how_many_parts_its_state_is_divided() -> None:
    config = parse_config("[environments.prod]\npartitions = 7\n", path="project.toml", name="shop")
    assert {name: env.partitions for name, env in config.environments.items()} == {
        "dev": 1,
        "staging": 1,
        "prod": 7,
    }


@pytest.mark.parametrize("wrong", ["0", "1025", "true", '"7"', "2.5"])
def test_a_number_of_partitions_that_cannot_be_is_refused(wrong: str) -> None:
    with pytest.raises(
        ProjectErrors, match=r"project.toml:2: PRJ-023 .*whole number from 1 to 1,024"
    ):
        parse_config(
            f"[environments.prod]\npartitions = {wrong}\n", path="project.toml", name="shop"
        )


def test_history_takes_half_of_the_memory_unless_it_is_told_how_much():
    told = parse_config(
        "[environments.dev]\nhistory_memory_mb = 512\n", path="project.toml", name="shop"
    )
    assert told.environment("dev").history_bytes == 512 << 20
    assert told.environment("prod").history_bytes is None
