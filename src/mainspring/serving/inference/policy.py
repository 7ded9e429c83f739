"""How the predictions of an endpoint are logged, as its declaration and its environment say."""

from dataclasses import dataclass

from mainspring.serving.inference.spec import Durability, InferenceLog

__all__ = ["LogPolicy", "log_policy"]


@dataclass(frozen=True, kw_only=True)
class LogPolicy:
    """How predictions are logged; the fields are those of `InferenceLog`."""

    durability: Durability = "process"
    sample: float = 1.0
    asynchronous: bool = False

    @property
    def is_on_disk(self) -> bool:
        """Whether what is logged must survive the loss of power, and not only of the process."""
        return self.durability == "disk"

    def __str__(self) -> str:
        """In words, for people.

        >>> str(LogPolicy(sample=0.125, asynchronous=True))
        'process, 12.5 % sampled, asynchronous'
        """
        said: list[str] = [self.durability]
        said += [f"{self.sample * 100:g} % sampled"] if self.sample < 1 else []
        return ", ".join([*said, *(["asynchronous"] if self.asynchronous else [])])


def log_policy(
    endpoint: InferenceLog | None, environment: InferenceLog, *, protected: bool
) -> LogPolicy:
    """What holds for an endpoint: its own word, then that of the environment.

    >>> own = InferenceLog(durability="disk")
    >>> str(log_policy(own, InferenceLog(sample=0.5), protected=False))
    'disk, 50 % sampled'
    >>> str(log_policy(None, InferenceLog(), protected=True))
    'disk'
    """
    said = endpoint or InferenceLog()
    durability = said.durability or environment.durability
    sample = environment.sample if said.sample is None else said.sample
    apart = environment.asynchronous if said.asynchronous is None else said.asynchronous
    return LogPolicy(
        durability=durability or ("disk" if protected else "process"),
        sample=1.0 if sample is None else float(sample),
        asynchronous=bool(apart),
    )
