"""Who may call one environment's server: each request's token against what the request asks for.

A request reads one document and writes nothing.  What was used and what was refused is held in
memory and recorded from time to time by whoever calls `record`.
"""

import threading
from dataclasses import dataclass
from typing import TypeVar

from mainspring.access.errors import NotPermitted, OutOfScope, TokenMissing, TokenUnknown
from mainspring.access.record import (
    TokenRecord,
    TokenUse,
    has_form_of_token,
    id_of,
    read_usable,
    token_key,
)
from mainspring.access.scope import Demand
from mainspring.elements.errors import AccessError, MainspringError
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.stored import render_stored
from mainspring.elements.time import MINUTE, Micros
from mainspring.ports.clock import Clock
from mainspring.ports.state import Change, Document, StateReader, StateWriter

__all__ = ["TokenGuard", "bearer_token", "find_token", "require_valid"]

K = TypeVar("K")
V = TypeVar("V")

_USE_PERIOD = MINUTE
_REFUSAL_PERIOD = 10 * MINUTE
_NOBODY = Actor("service:server")


@dataclass(slots=True)
class _Refusals:
    """Refusals of one token for one reason that are not in the journal yet."""

    count: int = 0
    actor: Actor = _NOBODY
    detail: str = ""


class TokenGuard:
    """Lets callers into one environment.

    A token is looked up at every request, so one that was revoked is refused at the next.  Use is
    recorded once a minute for each token, refusals once in ten minutes for each token and reason,
    with their number: nobody fills the disk or the journal by asking.  All unknown tokens count as
    one.

    Args:
        state: where tokens are; `record` writes to it, `authorise` does not.
    """

    def __init__(
        self, state: StateWriter, *, project: ProjectName, environment: str, clock: Clock
    ) -> None:
        self._state, self._project, self._clock = state, project, clock
        self.environment = environment
        # Requests come in the event loop and in threads, and `record` is called in another.
        self._lock = threading.Lock()
        self._used = dict[str, Micros]()
        self._refused = dict[tuple[str, str], _Refusals]()
        self._use_recorded_at = dict[str, Micros]()
        self._refusal_recorded_at = dict[tuple[str, str], Micros]()

    def authorise(self, header: str | None, demand: Demand) -> Actor:
        """The actor of an Authorization header, if their token is for what is asked.

        Raises: TokenMissing ACC-001 without a token; TokenUnknown ACC-002 for one that is not
            known, has expired or was revoked; OutOfScope ACC-031 for another environment, endpoint
            or source; NotPermitted ACC-003 without the permission.
        """
        key, actor = "", _NOBODY
        try:
            found = find_token(self._state, bearer_token(header))
            key = found.key
            record = require_valid(found, at=self._clock.now())
            actor = record.actor
            _require(record, demand, self.environment)
        except AccessError as error:
            self._note_refusal(key, actor, error)
            raise
        with self._lock:
            self._used[key] = self._clock.now()
        return actor

    def record(self, *, everything: bool = False) -> None:
        """Write what is due of uses and refusals.

        Args:
            everything: also what is not due yet, as a server does at its end.

        Raises: what the store raises; what was due is then due again.
        """
        now = self._clock.now()
        with self._lock:
            used = _due(self._used, self._use_recorded_at, now, 0 if everything else _USE_PERIOD)
            refused = _due(
                self._refused, self._refusal_recorded_at, now, 0 if everything else _REFUSAL_PERIOD
            )
        changes = [
            Change("token_use", key, render_stored(TokenUse(last_used_at=at)))
            for key, at in used.items()
        ]
        events = [
            self._event(key, code, refusals, now) for (key, code), refusals in refused.items()
        ]
        if not changes and not events:
            return
        try:
            self._state.commit(changes, events)
        except MainspringError:
            self._put_back(used, refused)
            raise

    def _put_back(self, used: dict[str, Micros], refused: dict[tuple[str, str], _Refusals]) -> None:
        """Have again what could not be recorded, beside what came since."""
        with self._lock:
            for key, at in used.items():
                self._used.setdefault(key, at)
                self._use_recorded_at.pop(key, None)
            for reason, unrecorded in refused.items():
                since = self._refused.setdefault(reason, unrecorded)
                if since is not unrecorded:
                    since.count += unrecorded.count
                self._refusal_recorded_at.pop(reason, None)

    def _note_refusal(self, key: str, actor: Actor, error: AccessError) -> None:
        with self._lock:
            refusals = self._refused.setdefault((key, error.code), _Refusals())
            refusals.count += 1
            refusals.actor, refusals.detail = actor, error.message

    def _event(self, key: str, code: str, refusals: _Refusals, at: Micros) -> Event:
        return Event(
            kind="token.refused",
            project=self._project,
            actor=refusals.actor,
            at=at,
            subject=id_of(key),
            environment=self.environment,
            facts={"code": code, "count": refusals.count, "last": refusals.detail},
        )


def bearer_token(header: str | None) -> str:
    """The token in an Authorization header.

    Raises: TokenMissing ACC-001 without one; TokenUnknown ACC-002 for what no token looks like: two
        headers, other letters, thousands of them.
    """
    scheme, _, rest = (header or "").partition(" ")
    token = rest.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissing
    if not has_form_of_token(token):
        raise TokenUnknown
    return token


def find_token(state: StateReader, token: str) -> Document:
    """The stored record of a token, valid or not.  Raises: TokenUnknown ACC-002."""
    document = state.get("token", token_key(token))
    if document is None:
        raise TokenUnknown
    return document


def require_valid(document: Document, *, at: Micros) -> TokenRecord:
    """The record, if somebody may act by it then.  Raises: TokenUnknown ACC-002."""
    record = read_usable(document)
    if record is None or not record.is_valid(at):
        raise TokenUnknown
    return record


def _require(record: TokenRecord, demand: Demand, environment: str) -> None:
    # The environment first: elsewhere nobody learns what else a token is for.
    if not record.scope.holds_environment(environment):
        raise OutOfScope(actor=record.actor, missing=f"environment {environment!r}")
    if demand.permission not in record.permissions:
        raise NotPermitted(actor=record.actor, permission=demand.permission)
    if missing := record.scope.missing(demand):
        raise OutOfScope(actor=record.actor, missing=missing)


def _due(
    pending: dict[K, V], recorded_at: dict[K, Micros], now: Micros, period: Micros
) -> dict[K, V]:
    """What is pending and was not recorded within a period; it is pending no more."""
    due = [key for key in pending if key not in recorded_at or now - recorded_at[key] >= period]
    recorded_at.update(dict.fromkeys(due, now))
    return {key: pending.pop(key) for key in due}
