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
        sensitivity: how many times further from its usual value a statistic must be than chance
            and the spread between the baseline's own days explain; raising it gives fewer
            incidents.  At 1, one quiet window in a hundred raises an alarm, if rows come
            independently of each other; the default allows for rows that come in twos.
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
