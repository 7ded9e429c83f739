"""What is monitored once a model serves."""

from dataclasses import dataclass, field
from typing import ClassVar
from typing import Literal as OneOf

from mainspring.elements.declaration import GivenTags, Tags, caller, freeze, parse_tags
from mainspring.elements.errors import Location
from mainspring.training.spec import Model

__all__ = ["Monitor"]


@dataclass(frozen=True, init=False)
class Monitor:
    """Compares the features and scores of a model in production with those of the rows that it was
    trained on, and its scores with the labels as they arrive.

    Args:
        schedule: the window of a comparison and how often it is made.
        sensitivity: how far beyond the worst day of the baseline a statistic must be; raising it
            gives fewer incidents.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset({"schedule", "sensitivity", "owner"})

    name: str
    model: Model
    schedule: OneOf["hourly", "daily"]
    sensitivity: float
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()

    def __init__(
        self,
        model: Model,
        *,
        schedule: OneOf["hourly", "daily"] = "daily",
        name: str = "",
        sensitivity: float = 1.4,
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
    ) -> None:
        freeze(
            self,
            name=name or f"{model.name}-monitor",
            model=model,
            schedule=schedule,
            sensitivity=sensitivity,
            owner=owner,
            description=description,
            tags=parse_tags(tags),
            declared_at=caller(),
        )
