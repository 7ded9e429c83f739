"""What all declarations share."""

from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest

import mainspring
from mainspring.elements.declaration import freeze, stated_fields
from mainspring.elements.schema import Schema
from mainspring.features.spec import Entity
from mainspring.sources.spec import Float64


@dataclass(frozen=True, init=False)
class Pair:
    left: int
    right: int

    def __init__(self, **values):
        freeze(self, **values)


def test_a_declaration_knows_the_line_that_made_it():
    entity = Entity("city")
    assert entity.declared_at.path == __file__
    assert (
        Path(__file__).read_text().splitlines()[entity.declared_at.line - 1].strip()
        == 'entity = Entity("city")'
    )


def test_a_folder_whose_name_begins_like_ours_is_the_users():
    folder = str(Path(mainspring.__file__).parent) + "_demo"
    space = {"Entity": Entity}
    exec(compile("\nmade = Entity('city')", f"{folder}/project.py", "exec"), space)
    assert str(space["made"].declared_at) == f"{folder}/project.py:2"


def test_where_a_declaration_stands_is_no_part_of_what_it_says():
    first, second = Entity("city"), Entity("city")
    assert first == second


def test_a_declaration_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Entity("city").name = "town"


def test_every_field_is_set_or_it_is_our_bug():
    assert Pair(left=1, right=2).right == 2
    with pytest.raises(AssertionError, match="right"):
        Pair(left=1)


def test_what_a_record_gained_and_does_not_use_is_no_part_of_its_words() -> None:
    plain, spelled = Float64(between=(0, 1)), Float64(decimal=",")
    words = ["dtype", "nullable", "between", "one_of", "max_length", "allow_nan"]
    assert [each.name for each in stated_fields(plain)] == words
    assert [each.name for each in stated_fields(spelled)] == [*words, "spelling"]


def test_what_no_comparison_regards_is_no_part_of_the_words() -> None:
    schema = Schema((), unusable=(("tags", "a list"),))
    assert [each.name for each in stated_fields(schema)] == ["fields"]
