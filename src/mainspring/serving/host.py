"""The endpoints of one environment, kept in step with its map while requests go on.

A new map is loaded beside the old one and put in place by one assignment, so a request sees one map
from beginning to end and none is refused. What the loader refuses is not served, whatever the map
says: the endpoint keeps the model that it had.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mainspring.elements.time import FOREVER, Micros
from mainspring.ports.clock import Clock, Ids
from mainspring.serving.errors import NotServing, UnknownEndpoint
from mainspring.serving.predict import Prediction, Predictor, ServedModel
from mainspring.serving.rollout import canary_share, takes_canary
from mainspring.serving.spec import Canary
from mainspring.serving.turn import AnsweredTurn, AskedRows, answer_turn

__all__ = ["EndpointHost", "ServedEndpoint", "ServedEnvironment"]


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedEndpoint:
    """One endpoint as it answers now.

    Args:
        current: the model in charge; None when none may answer.
        previous: the model that answers what a canary does not take yet.
        since: when `current` took charge.
        refusal: why the loader did not take what the map points at; empty when it did.
    """

    name: str
    topic: str
    current: ServedModel | None
    previous: ServedModel | None = None
    rollout: Canary | None = None
    since: Micros = 0
    refusal: str = ""

    def model_for(self, request: str, now: Micros) -> ServedModel:
        """The model that answers this request.  Raises: NotServing SRV-003 when there is none."""
        if self.current is None:
            raise NotServing(endpoint=self.name, reason=self.refusal)
        if self.previous is None or takes_canary(
            request, canary_share(self.rollout, started_at=self.since, now=now)
        ):
            return self.current
        return self.previous


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedEnvironment:
    """A loaded map of an environment.

    Args:
        document: the map as it was stored; what tells whether it has moved since.
        checked_at: when its models were last checked; proofs expire while a map stands still.
        check_at: when to look again at the latest: when the first of the proofs runs out, and soon
            where a model is refused, which may be proven any moment.
    """

    environment: str
    version: int
    endpoints: Mapping[str, ServedEndpoint] = field(default_factory=dict)
    document: bytes = b""
    checked_at: Micros = 0
    check_at: Micros = FOREVER


class EndpointHost:
    """Answers for an environment, and follows its map.

    Args:
        load: reads and loads the map, given the one in place; returns the same object when nothing
            changed.
    """

    def __init__(
        self,
        load: Callable[[ServedEnvironment], ServedEnvironment],
        predictor: Predictor,
        *,
        environment: str,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._load, self._predictor, self._clock, self._ids = load, predictor, clock, ids
        self._served = ServedEnvironment(environment=environment, version=-1)

    @property
    def served(self) -> ServedEnvironment:
        """The map in place."""
        return self._served

    def refresh(self) -> bool:
        """Follow the environment's map; True when it had changed.  Called by one thread at a
        time.
        """
        fresh = self._load(self._served)
        changed, self._served = fresh is not self._served, fresh
        return changed

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

    def choose(self, name: str) -> ServedModel:
        """The model that answers the next request.  Raises: UnknownEndpoint SRV-001, NotServing
        SRV-003.
        """
        return self.endpoint(name).model_for(self._ids.new("request"), self._clock.now())

    def predict_together(
        self, name: str, asked: Sequence[tuple[Sequence[Mapping[str, object]], str]]
    ) -> tuple[AnsweredTurn, Callable[[], None]]:
        """Answer the rows of several requests, each of which somebody asks, and what logs them: no
        answer may leave before that was called.  Raises: UnknownEndpoint SRV-001, NotServing
        SRV-003.
        """
        served, endpoint, now = self._served, self.endpoint(name), self._clock.now()
        turn = answer_turn(
            [
                AskedRows(endpoint.model_for(self._ids.new("request"), now), rows, actor)
                for rows, actor in asked
            ],
            self._predictor,
            at=now,
            map_version=served.version,
        )
        return turn, lambda: self._predictor.keep(turn.groups, topic=endpoint.topic)

    def predict(
        self, name: str, rows: Sequence[Mapping[str, object]], *, actor: str
    ) -> list[Prediction]:
        """Answer rows.  Raises: UnknownEndpoint SRV-001, NotServing SRV-003, and what
        `Predictor.predict` raises.
        """
        served, endpoint = self._served, self.endpoint(name)
        model = endpoint.model_for(self._ids.new("request"), self._clock.now())
        return self._predictor.predict(
            model, rows, topic=endpoint.topic, map_version=served.version, actor=actor
        )
