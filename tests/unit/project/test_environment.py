"""Maps move on and back, one version at a time."""

from mainspring.elements.events import Actor
from mainspring.registry.environment import (
    EnvironmentVersion,
    empty_environment,
    next_version,
    restored_version,
)
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import graph_of, holding

ADA = Actor("person:ada")


def three_versions(write_shop: WriteProject) -> list[EnvironmentVersion]:
    first = holding(graph_of(write_shop()))
    second = next_version(
        first, [], removed=["monitor.returned-monitor"], by=ADA, at=1, reason="tidy"
    )
    return [
        first,
        second,
        next_version(second, [], removed=["endpoint.returned"], by=ADA, at=2, reason="close"),
    ]


def test_a_move_makes_the_next_version_and_leaves_the_old_one(write_shop: WriteProject) -> None:
    first, second, _ = three_versions(write_shop)
    assert (second.version, second.previous, len(first.pointers) - len(second.pointers)) == (
        2,
        1,
        1,
    )


def test_the_first_version_has_nothing_to_go_back_to() -> None:
    assert next_version(empty_environment("dev"), [], by=ADA, at=0, reason="apply").previous is None


def test_a_rollback_is_a_new_version_with_the_old_pointers(write_shop: WriteProject) -> None:
    _, second, third = three_versions(write_shop)
    back = restored_version(third, second, by=ADA, at=3, reason="rollback")
    assert (back.version, back.pointers, back.moved_at) == (4, second.pointers, 3)


def test_a_second_rollback_goes_further_back(write_shop: WriteProject) -> None:
    _, second, third = three_versions(write_shop)
    assert restored_version(third, second, by=ADA, at=3, reason="rollback").previous == 1
