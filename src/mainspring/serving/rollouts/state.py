"""The roll-outs of an environment as all its processes know them, and what a process reports."""

import msgspec

from mainspring.elements.identity import Digest, digest_of_value, short
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros
from mainspring.registry.environment import EnvironmentVersion

__all__ = [
    "ABORTED",
    "PAUSED",
    "RUNNING",
    "SETTLED",
    "TEST_OVER",
    "EndpointReport",
    "EndpointRevision",
    "EndpointRollout",
    "ProcessReport",
    "RevisionTally",
    "Rollouts",
    "report_key",
    "revision_of",
    "rollout_words",
]

SETTLED, RUNNING, PAUSED = "settled", "running", "paused"
TEST_OVER, ABORTED = "waiting for a person", "aborted"


class EndpointRevision(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint's definition with the model version that answers for it.

    Args:
        name: of both together.
        version: digest of the model version.
        map_version: the version of the environment that has it.
    """

    name: str
    version: Digest
    map_version: int


def revision_of(environment: EnvironmentVersion, endpoint: str, model: str) -> EndpointRevision:
    """The revision that a map names for an endpoint.

    Args:
        model: the asset that answers, which the map must have.
    """
    version = environment.pointers[model].build_digest
    definition = environment.pointers[f"endpoint.{endpoint}"].build_fingerprint
    return EndpointRevision(
        name=short(digest_of_value([definition, version])),
        version=version,
        map_version=environment.version,
    )


class EndpointRollout(msgspec.Struct, frozen=True, kw_only=True):
    """Which revisions answer for an endpoint.

    Args:
        stable: the one in charge.
        candidate: the one that is to take over; None where there is none.
        kind: `Canary`, `ABTest` or `Shadow`.
        share: per cent of the requests that the candidate answers.
        step: counts from 0.
        epoch: rises whenever shares move; what was counted before belongs to another step.
        since: when the step began, or what was waited for ended.
        slow: the first bucket of latency that counts as slow in this step; 0: none is known.
        started: when the candidate was first answered by; labels since then are compared.
        reason: why it stands where it does, for people.
        refused: the revision that was taken back, and is not to be tried again.
    """

    stable: EndpointRevision
    candidate: EndpointRevision | None = None
    kind: str = ""
    phase: str = SETTLED
    share: int = 0
    step: int = 0
    epoch: int = 0
    since: Micros = 0
    slow: int = 0
    started: Micros = 0
    reason: str = ""
    refused: str = ""

    def tries(self, revision: EndpointRevision) -> bool:
        """Whether this revision is the candidate, or the one that was taken back."""
        candidate = self.candidate.name if self.candidate else ""
        return revision.name in (candidate, self.refused)


def rollout_words(stands: EndpointRollout, stable: str) -> str:
    """How a roll-out that has not come to its end stands, in words.

    Args:
        stable: the label of the model version in charge.
    """
    begun = f"{stands.kind or 'roll-out'} {stands.phase}"
    if stands.phase == SETTLED:
        return f"not begun: no server has answered with it yet; {stable} answers"
    if not stands.share:
        return f"{begun}; {stable} answers"
    return f"{begun}, {stands.share} %; {stable} answers the rest"


class Rollouts(StoredRecord, frozen=True, kw_only=True):
    """The roll-outs of one environment.  Document kind `rollout`, key: the environment.

    One document and not one an endpoint: every process looks every 20 ms, and one read is enough.
    """

    title = "the roll-outs of an environment"
    document = "rollout"

    environment: str
    endpoints: dict[str, EndpointRollout] = msgspec.field(default_factory=dict)

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is its environment."""
        return key == self.environment


class RevisionTally(msgspec.Struct, frozen=True, kw_only=True):
    """What one revision did in one step, in one process or in all.

    Args:
        requests, failed: calls, and those that failed through no fault of the caller.
        rows: that were answered.
        latency: calls by buckets of half an octave of microseconds.
        scores: rows by buckets of the score.
        differing, largest: of a shadow: rows with another score than was answered, and by how much
            at most.
    """

    requests: int = 0
    failed: int = 0
    rows: int = 0
    latency: list[int] = msgspec.field(default_factory=list)
    scores: list[int] = msgspec.field(default_factory=list)
    differing: int = 0
    largest: float = 0.0

    def __add__(self, other: "RevisionTally") -> "RevisionTally":
        return RevisionTally(
            requests=self.requests + other.requests,
            failed=self.failed + other.failed,
            rows=self.rows + other.rows,
            latency=_added(self.latency, other.latency),
            scores=_added(self.scores, other.scores),
            differing=self.differing + other.differing,
            largest=max(self.largest, other.largest),
        )


def _added(first: list[int], second: list[int]) -> list[int]:
    longer, shorter = sorted((first, second), key=len, reverse=True)
    filled = shorter + [0] * (len(longer) - len(shorter))
    return [one + other for one, other in zip(longer, filled, strict=True)]


class EndpointReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a process knows of an endpoint.

    Args:
        ready: the revisions that it can answer with.
        epoch: the step that `tallies` were counted in, by the name of the revision.
    """

    ready: list[str]
    epoch: int
    tallies: dict[str, RevisionTally]


class ProcessReport(StoredRecord, frozen=True, kw_only=True):
    """What one server process reports.  Document kind `rollout_report`, key
    `<environment>/<process>`.

    Args:
        process: a name that no other process has, the next one of this server neither.
        at: when; a process that has not reported for long is not waited for.
    """

    title = "the report of a server process"
    document = "rollout_report"

    environment: str
    process: str
    at: Micros
    endpoints: dict[str, EndpointReport]

    def is_filed_under(self, key: str) -> bool:
        """Whether the key names its environment and process."""
        return key == report_key(self.environment, self.process)


def report_key(environment: str, process: str) -> str:
    """Where a process files its report."""
    return f"{environment}/{process}"
