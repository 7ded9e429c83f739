"""What can be wrong where a source has no event times."""

from collections.abc import Iterator

from mainspring.datasets.spec import Split, TrainingSet
from mainspring.elements.errors import DeclarationError
from mainspring.features.spec import FeatureView
from mainspring.project.loader.errors import NoEventTime, TimeUnused
from mainspring.sources.spec import Source

__all__ = ["timeless_faults", "timeless_source_faults", "timeless_view_faults"]


def timeless_source_faults(source: Source) -> Iterator[DeclarationError]:
    """Clocks of a source that count from an event time that it does not have."""
    if not source.is_timeless:
        return
    problems = []
    if source.known_at != source.event_time:
        problems.append("known_at cannot be told: its facts are always visible")
    if source.lateness is not None:
        problems.append("no fact can be late: leave lateness out")
    for problem in problems:
        user = f"source {source.name}"
        yield NoEventTime(user=user, source=source.name, problem=problem, at=source.declared_at)


def timeless_view_faults(view: FeatureView) -> Iterator[DeclarationError]:
    """What a view asks of the time of facts that have none; windows are reported as such."""
    if view.ttl is None:
        return
    for source in view.sources:
        if source.is_timeless:
            yield NoEventTime(
                user=f"view {view.name}",
                source=source.name,
                problem="its facts never become too old for a ttl",
                at=view.declared_at,
            )


def timeless_faults(training_set: TrainingSet) -> Iterator[DeclarationError]:
    """What a training set asks of the time of a spine that has none, and the other way round."""
    spine, at = training_set.spine, training_set.declared_at
    if not spine.is_timeless:
        yield from (
            TimeUnused(training_set=training_set.name, source=spine.name, problem=problem, at=at)
            for problem in _unused(training_set)
        )
        return
    for problem in _asked_of_no_time(training_set):
        user = f"training set {training_set.name}"
        yield NoEventTime(user=user, source=spine.name, problem=problem, at=at)


def _unused(training_set: TrainingSet) -> Iterator[str]:
    if training_set.prediction_time is None:
        yield "it needs a prediction time"
    if not isinstance(training_set.split, Split):
        yield "its rows are split by time"


def _asked_of_no_time(training_set: TrainingSet) -> Iterator[str]:
    if training_set.prediction_time is not None:
        yield "there is no prediction time"
    if isinstance(training_set.split, Split):
        yield "its rows cannot be split by time: use split_by_key or split_at_random"
    if training_set.label.horizon is not None:
        yield "the horizon of the label has no beginning"
    for view in training_set.views:
        read = {s.name: s for each in (view, *view.lookups) for s in each.sources}
        timed = sorted(name for name, source in read.items() if not source.is_timeless)
        if timed:
            yield f"its rows have no time at which view {view.name} ({timed[0]}) could be read"
