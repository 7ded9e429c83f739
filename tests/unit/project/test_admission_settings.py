"""What an environment declares of queues and rates."""

import pytest

from mainspring.project.config.config import parse_config
from mainspring.project.errors import ProjectErrors
from mainspring.serving.admission import AdmissionLimits, CallerRate

DECLARED = """name = "shop"
[environments.prod.admission]
queue = 128
requests_per_s = 500
[environments.prod.admission.callers]
"service:reports" = { requests_per_s = 5, burst = 20 }
"""


def parsed(text: str, environment: str = "prod") -> AdmissionLimits:
    config = parse_config(text, path="project.toml", name="shop")
    return config.environment(environment).admission


def test_a_caller_that_is_named_has_its_own_rate_and_a_burst_is_a_second_of_it() -> None:
    limits = parsed(DECLARED)
    assert limits.queue == 128
    assert limits.rate_of("service:reports") == CallerRate(5.0, 20)
    assert limits.rate_of("service:app") == CallerRate(500.0, 500)


def test_without_a_declaration_the_queue_is_bounded_and_callers_are_not() -> None:
    limits = parsed(DECLARED, "staging")
    assert (limits.queue, limits.rate_of("service:app").per_s) == (256, 0.0)


def test_every_fault_is_told_with_its_line() -> None:
    text = DECLARED.replace("128", "0").replace("500", '"many"').replace("burst", "bust")
    with pytest.raises(ProjectErrors) as told:
        parsed(text)
    said = str(told.value)
    assert "project.toml:3" in said
    assert "project.toml:4" in said
    assert "bust" in said
