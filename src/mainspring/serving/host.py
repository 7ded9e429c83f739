"""The endpoints of one environment, kept in step with its map while requests go on.

A new map is loaded beside the old one and put in place by one assignment, so a request sees one map
from beginning to end and none is refused. What the loader refuses is not served, whatever the map
says: the endpoint keeps the model that it had.  Where a revision takes over by and by, the roll-out
on record says which share it answers, in all processes alike.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from time import perf_counter
from typing import NamedTuple, Protocol

import msgspec

from mainspring.elements.errors import FeatureError, MainspringError
from mainspring.elements.time import FOREVER, Micros
from mainspring.ports.clock import Clock, Ids
from mainspring.serving.asked import AskedOf
from mainspring.serving.errors import (
    EmptyRequest,
    TooManyRows,
    UnknownEndpoint,
    UnknownRevision,
)
from mainspring.serving.explained import OpenExplainer, explained_predictions
from mainspring.serving.inference.answered import AnsweredRows
from mainspring.serving.inference.pending import MOST_PENDING, PendingPredictions
from mainspring.serving.predict import (
    Prediction,
    Predictor,
    ServedModel,
    difference,
    predictions_of,
)
from mainspring.serving.rollouts.tally import RevisionTallies
from mainspring.serving.served_endpoint import Chosen, ServedEndpoint
from mainspring.serving.turn import AnsweredTurn, AskedRows, answer_turn

__all__ = ["EndpointHost", "RolloutFollower", "ServedEnvironment"]

_MOST_SHADOWED, _SHADOW = 1_000, "service:shadow"
Rows = Sequence[Mapping[str, object]]


class RolloutFollower(Protocol):
    """What a process tells the others, and does for them."""

    def follow(self, served: "ServedEnvironment") -> bool:
        """Report what is in place, and move what is due; True where something moved."""
        ...

    def leave(self) -> None:
        """Say that this process is not to be waited for."""
        ...


class _Asked(NamedTuple):
    """A request for a shadow."""

    endpoint: ServedEndpoint
    rows: Rows
    at: Sequence[Micros]
    answers: Sequence[Prediction]


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedEnvironment:
    """A loaded map of an environment.

    Args:
        document: the map as it was stored; what tells whether it has moved since.
        rollouts: the same of its roll-outs.
        checked_at: when its models were last checked; proofs expire while a map stands still.
        check_at: when to look again at the latest: when the first of the proofs runs out, and soon
            where a model is refused, which may be proven any moment.
    """

    environment: str
    version: int
    endpoints: Mapping[str, ServedEndpoint] = field(default_factory=dict)
    document: bytes = b""
    rollouts: bytes = b""
    checked_at: Micros = 0
    check_at: Micros = FOREVER


class EndpointHost:
    """Answers for an environment, and follows its map.

    Args:
        load: reads and loads the map, given the one in place; returns the same object when nothing
            changed.
        explainer_of: what explains the answers of a version.
    """

    def __init__(
        self,
        load: Callable[[ServedEnvironment], ServedEnvironment],
        predictor: Predictor,
        *,
        environment: str,
        clock: Clock,
        ids: Ids,
        explainer_of: OpenExplainer,
    ) -> None:
        self._load, self._predictor, self._clock, self._ids = load, predictor, clock, ids
        self._served = ServedEnvironment(environment=environment, version=-1)
        self._shadowed = deque[_Asked](maxlen=_MOST_SHADOWED)
        self._follower: RolloutFollower | None = None
        self._explainer_of = explainer_of
        self._pending: PendingPredictions | None = None
        self.tallies = RevisionTallies()

    @property
    def served(self) -> ServedEnvironment:
        """The map in place."""
        return self._served

    def log_later(self, *, limit: int = MOST_PENDING) -> PendingPredictions:
        """Have endpoints that declare it answer before they log; whoever calls this flushes what
        waits, and drains it at the end.  Without it, as in a notebook, all are logged first.

        Args:
            limit: how many predictions may wait; what is answered beyond is not logged.
        """
        self._pending = PendingPredictions(self._predictor, limit=limit)
        return self._pending

    @property
    def pending(self) -> int:
        """How many predictions wait to be logged."""
        return len(self._pending) if self._pending is not None else 0

    def drain(self) -> None:
        """Log what waits to be logged, behind the last answer."""
        if self._pending is not None:
            self._pending.drain()

    def take_part(self, follower: RolloutFollower) -> None:
        """Be one of the processes that a roll-out waits for.  One that is not, such as a notebook,
        follows what is on record, and takes what has no roll-out at once.
        """
        self._follower = follower

    def leave(self) -> None:
        """Be none of them any more."""
        if self._follower is not None:
            self._follower.leave()

    def refresh(self) -> bool:
        """Follow the environment's map and its roll-outs; True when they had changed.  Called by
        one thread at a time.
        """
        changed = self._follow()
        if self._follower is not None and self._follower.follow(self._served):
            # What has just moved is in place when this returns, as a map without a roll-out is.
            changed = self._follow() or changed
        return changed

    def _follow(self) -> bool:
        fresh = self._load(self._served)
        if fresh is self._served:
            return False
        if self._follower is None:
            fresh = replace(fresh, endpoints=dict(_without_waiting(fresh.endpoints)))
        for name, endpoint in fresh.endpoints.items():
            self.tallies.begin(name, endpoint.stands.epoch if endpoint.stands else 0)
        self._served = fresh
        return True

    def endpoint(self, name: str) -> ServedEndpoint:
        """An endpoint.  Raises: UnknownEndpoint SRV-001 when the map has none of this name."""
        served = self._served
        if name not in served.endpoints:
            raise UnknownEndpoint(
                endpoint=name,
                environment=served.environment,
                known=", ".join(served.endpoints) or "none",
            )
        return served.endpoints[name]

    def choose(self, name: str, asked: str = "") -> ServedModel:
        """The model that answers the next request, or of the revision that is asked for.

        Raises: UnknownEndpoint SRV-001, NotServing SRV-003, UnknownRevision SRV-070.
        """
        return self.endpoint(name).choose(self._ids.new("request"), asked).model

    def predict_together(
        self, name: str, asked: Sequence[AskedOf]
    ) -> tuple[AnsweredTurn, Callable[[], None] | None]:
        """Answer the rows of several requests, each of which somebody asks, and what logs them: no
        answer may leave before that was called; None where nothing is to be logged before they
        leave.  Raises: UnknownEndpoint SRV-001, NotServing SRV-003.
        """
        served, endpoint = self._served, self.endpoint(name)
        pending = self._pending if endpoint.log.asynchronous else None
        has_room = pending is None or pending.has_room
        parts, owners = list[AskedRows](), list[tuple[int, Sequence[int]]]()
        answers: dict[int, list[Prediction] | MainspringError] = {}
        for number, one in enumerate(asked):
            try:
                groups = list(self._groups(endpoint, one.rows, one.revision))
            except UnknownRevision as error:
                answers[number] = error
                continue
            for chosen, places in groups:
                rows = [one.rows[place] for place in places]
                parts.append(AskedRows(chosen.model, rows, one.actor, chosen.revision, one.spans))
                owners.append((number, places))
        sample = endpoint.log.sample if has_room else 0.0
        turn = self._answer(endpoint, parts, served.version, sample=sample)
        for (number, places), found in zip(owners, turn.answers, strict=True):
            whole = _joined(answers.get(number), found, places, len(asked[number].rows))
            answers[number] = whole if pending is None else _queued(whole)
        joined = AnsweredTurn([answers[number] for number in range(len(asked))], turn.groups)
        if pending is not None:
            pending.put(turn.groups, topic=endpoint.topic, log=endpoint.log)
            return joined, None
        keep = partial(
            self._predictor.keep,
            turn.groups,
            topic=endpoint.topic,
            log=endpoint.log,
            spans=asked[0].spans if asked else None,
        )
        return joined, keep if any(group.has_logged for group in turn.groups) else None

    def predict_explained(self, name: str, asked: AskedOf) -> list[Prediction]:
        """As `predict`, and what each feature has added.  Raises: as it, and NotExplainable
        SRV-089.
        """
        return self.explain(*self._predict(name, asked))

    def explain(
        self, predictions: Sequence[Prediction], groups: Sequence[AnsweredRows]
    ) -> list[Prediction]:
        """The predictions, with what each feature has added.  It takes milliseconds a row, so a
        server does it outside of its loop.

        Args:
            groups: what was answered with them.

        Raises: NotExplainable SRV-089.
        """
        return explained_predictions(predictions, groups, self._explainer_of)

    def _answer(
        self,
        endpoint: ServedEndpoint,
        parts: Sequence[AskedRows],
        map_version: int,
        *,
        sample: float,
    ) -> AnsweredTurn:
        is_answered = False
        try:
            turn = answer_turn(
                parts,
                self._predictor,
                at=self._clock.now(),
                map_version=map_version,
                sample=sample,
            )
            is_answered = True
        finally:
            # Of several, whose bug it is shows when each is answered by itself.
            if not is_answered and len(parts) == 1:
                self.tallies.failed(endpoint.name, parts[0].revision)
        self._count(endpoint, parts, turn)
        return turn

    def _count(
        self, endpoint: ServedEndpoint, parts: Sequence[AskedRows], turn: AnsweredTurn
    ) -> None:
        """Count what each revision did in a turn; each has the time that its own model took."""
        took = {group.revision: group.latency_us / 1e6 for group in turn.groups}
        of_revisions = dict[str, list[list[float]]]()
        for part, found in zip(parts, turn.answers, strict=True):
            if not isinstance(found, MainspringError):
                scores = [each.score for each in found]
                of_revisions.setdefault(part.revision, []).append(scores)
                if endpoint.is_shadowed:
                    # The queue forgets its oldest where the shadow is slower than the callers: a
                    # shadow samples then, and never holds an answer up.
                    at = [each.at for each in found]
                    self._shadowed.append(_Asked(endpoint, part.rows, at, found))
            elif not isinstance(found, EmptyRequest | TooManyRows | FeatureError):
                self.tallies.failed(endpoint.name, part.revision)
        for revision, of_calls in of_revisions.items():
            self.tallies.answered(
                endpoint.name,
                revision,
                list(chain.from_iterable(of_calls)),
                seconds=took.get(revision, 0.0),
                requests=len(of_calls),
            )

    def predict(self, name: str, rows: Rows, *, actor: str, revision: str = "") -> list[Prediction]:
        """Answer rows, those of one entity always by one revision.

        Args:
            revision: the one that is asked for: its name, `stable` or `candidate`.

        Raises: UnknownEndpoint SRV-001, NotServing SRV-003, UnknownRevision SRV-070, and what
            `Predictor.predict` raises.
        """
        return self._predict(name, AskedOf(rows, actor, revision))[0]

    def _predict(
        self, name: str, asked: AskedOf
    ) -> tuple[list[Prediction], Sequence[AnsweredRows]]:
        turn, log = self.predict_together(name, [asked])
        [answer] = turn.answers
        if isinstance(answer, MainspringError):
            raise answer
        if log is not None:
            log()
        return answer, turn.groups

    def _groups(
        self, endpoint: ServedEndpoint, rows: Rows, asked: str
    ) -> Iterator[tuple[Chosen, Sequence[int]]]:
        """The rows by the revision that answers them."""
        if endpoint.previous is None or asked or endpoint.share in (0, 100) or not rows:
            yield endpoint.choose("", asked), range(len(rows))
            return
        other, groups = self._ids.new("request"), dict[str, tuple[Chosen, list[int]]]()
        for place, row in enumerate(rows):
            chosen = endpoint.choose(endpoint.key_of(row) or other)
            groups.setdefault(chosen.revision, (chosen, []))[1].append(place)
        yield from groups.values()

    def run_shadows(self) -> None:
        """Ask the candidates what was asked since the last call, and drop what they answer."""
        while self._shadowed:
            self._shadow(self._shadowed.popleft())

    def _shadow(self, asked: _Asked) -> None:
        endpoint, started, failed = asked.endpoint, perf_counter(), True
        if endpoint.current is None:
            return
        try:
            answered = self._predictor.answer(
                endpoint.current, asked.rows, at=asked.at, map_version=0, actor=_SHADOW
            )
            failed = False
        except FeatureError:
            # It asks for what the revision in charge does not: that is no fault of the callers.
            return
        finally:
            if failed:
                self.tallies.failed(endpoint.name, endpoint.revision_name)
        scores = answered.scores
        self.tallies.answered(
            endpoint.name, endpoint.revision_name, scores, seconds=perf_counter() - started
        )
        self.tallies.differed(
            endpoint.name,
            endpoint.revision_name,
            [
                difference(ours, theirs)
                for ours, theirs in zip(predictions_of(answered), asked.answers, strict=True)
            ],
        )


def _queued(found: list[Prediction] | MainspringError) -> list[Prediction] | MainspringError:
    """The predictions as they leave before they are logged."""
    if isinstance(found, MainspringError):
        return found
    return [
        msgspec.structs.replace(each, logged=False, queued=True) if each.logged else each
        for each in found
    ]


def _joined(
    before: list[Prediction] | MainspringError | None,
    found: list[Prediction] | MainspringError,
    places: Sequence[int],
    rows: int,
) -> list[Prediction] | MainspringError:
    """The answer to a request with that to some of its rows; an error is the answer to all."""
    if before is None and (isinstance(found, MainspringError) or len(found) == rows):
        return found
    if isinstance(before, MainspringError) or isinstance(found, MainspringError):
        return before if isinstance(before, MainspringError) else found
    whole = list(before) if before else [found[0]] * rows
    for place, prediction in zip(places, found, strict=True):
        whole[place] = prediction
    return whole


def _without_waiting(
    endpoints: Mapping[str, ServedEndpoint],
) -> Iterator[tuple[str, ServedEndpoint]]:
    """What has no roll-out takes over without the other processes."""
    for name, endpoint in endpoints.items():
        is_at_once = endpoint.previous is not None and endpoint.rollout is None
        yield name, replace(endpoint, previous=None, share=100) if is_at_once else endpoint
