"""Arguments of another type than a method is annotated with are refused where they are given."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mainspring.elements.arguments import checks_arguments, require_path, require_within
from mainspring.elements.errors import WrongArgument


@checks_arguments
class Shop:
    @classmethod
    def opened(cls, path: str | Path = ".") -> "Shop":
        return cls()

    @staticmethod
    def counted(most: int) -> int:
        return most

    def sold(self, name: str, *, ids: Sequence[int | str] = (), fast: bool = False) -> str:
        return f"{name} {len(list(ids))} {fast}"


def test_what_is_annotated_is_taken() -> None:
    shop = Shop.opened(Path("folder"))
    assert shop.sold("tea", ids=[1, "b"], fast=True) == "tea 2 True"
    assert shop.sold("tea", ids=(each for each in (1, 2))) == "tea 2 False"
    assert Shop.counted(3) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": 3}, "sold: name is 3, and not text"),
        ({"name": "\ud800"}, r"sold: name is '\ud800', and not text"),
        ({"name": "tea", "ids": "ab"}, "ids is 'ab', and not a list, each a whole number or text"),
        ({"name": "tea", "ids": [1, None]}, "ids is [1, None], and not a list"),
        ({"name": "tea", "fast": "no"}, "fast is 'no', and not True or False"),
        ({"name": list(range(99))}, "name is a list, and not text"),
    ],
)
def test_what_is_not_is_named_in_a_line(given: dict[str, object], said: str) -> None:
    with pytest.raises(WrongArgument) as refused:
        Shop().sold(**given)
    assert said in str(refused.value)


@pytest.mark.parametrize("path", [3, "a\0b", "x" * 300, "x/" * 3_000, "\ud7ff\ud800"])
def test_what_can_be_no_path_is_refused(path: object) -> None:
    with pytest.raises(WrongArgument, match="opened: path is "):
        Shop.opened(path)


def test_ranges_and_paths_are_asked_for_by_themselves() -> None:
    require_within(3, 1, 3, method="m", argument="a")
    require_path("folder/file", method="m", argument="a")
    with pytest.raises(WrongArgument, match="m: a is 4, and not from 1 to 3"):
        require_within(4, 1, 3, method="m", argument="a")
    with pytest.raises(WrongArgument, match="and not a path"):
        require_path("x" * 5_000, method="m", argument="a")
