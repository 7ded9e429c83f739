"""The routes of features: read online for keys, and from history for the rows of a small spine."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from mainspring.elements.time import Micros
from mainspring.features.errors import (
    NO_STATE,
    HorizonPassed,
    MomentNotHeld,
    TooManyFeatureRows,
)
from mainspring.features.online.read import FeatureRows
from mainspring.features.physical import Value
from mainspring.ports.body import parse_body
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.ports.limits import MAX_ROWS, MAX_SPINE_ROWS

__all__ = ["FeatureAnswers", "FeatureApi", "HistoricalBody", "OnlineBody"]

Sent = str | int | float | bool | None


class OnlineBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an online read.

    Args:
        features: views, feature sets and `view:feature`, by name.
        rows: the join keys of each row, and what on-demand views read.
        at: the moment, ISO 8601 text or int64 microseconds; default: now.
        reasons: say also why a value is null.
    """

    features: str | list[str]
    rows: list[dict[str, Sent]]
    at: str | Micros | None = None
    reasons: bool = False


class HistoricalBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a read from history; each row has its `prediction_time`."""

    features: str | list[str]
    rows: list[dict[str, Sent]]


class FeatureAnswers(Protocol):
    """What reads features for the routes.  Errors: FEA-001 to FEA-074, UnknownAsset ACC-006."""

    def get_online_features(
        self,
        features: Sequence[str],
        *,
        keys: Sequence[Mapping[str, object]],
        at: Micros | str | None = None,
        reasons: bool = False,
    ) -> FeatureRows:
        """Features for keys, from online state."""
        ...

    def historical_columns(
        self, features: Sequence[str], *, rows: Sequence[Mapping[str, object]]
    ) -> dict[str, list[Value]]:
        """Features for rows with a prediction time, from history."""
        ...


class FeatureApi:
    """The routes about features of one environment.

    Both run in a thread: which features are asked for, and of how many facts they are made, is for
    the caller to choose.  One reads history at a time, since that may take all cores.

    Args:
        observe: called for each answered call with its route's last word and the number of rows.
    """

    def __init__(self, answers: FeatureAnswers, *, observe: Callable[[str, int], None]) -> None:
        self._answers, self._observe = answers, observe

    def routes(self) -> list[Route]:
        """Every route."""
        path = "/v1/features"
        return [
            Route("POST", f"{path}/online", "features", self.online, blocks=True),
            Route(
                "POST", f"{path}/historical", "features", self.historical, blocks=True, alone=True
            ),
        ]

    def online(self, call: Call) -> Reply:
        """`POST /v1/features/online`: features for keys, now or at another time.

        Raises: BadRequest SRV-004, BodyTooComplex SRV-044, TooManyFeatureRows FEA-075,
            MomentNotHeld FEA-076 for a time that state does not reach back to, and what else
            `get_online_features` raises.
        """
        body = parse_body(call.body, OnlineBody)
        names = _names_in(body.features, body.rows, limit=MAX_ROWS)
        try:
            found = self._answers.get_online_features(
                names, keys=body.rows, at=body.at, reasons=body.reasons
            )
        except HorizonPassed as error:
            if body.at is None or error.kept_from == NO_STATE:
                raise
            raise MomentNotHeld(
                moment=str(body.at),
                view=error.view,
                kept_from=error.kept_from,
                needed_from=error.needed_from,
            ) from error
        reply = {"rows": _rows_of(found.columns, len(body.rows))}
        self._observe("online", len(body.rows))
        return json_reply(reply | ({"reasons": found.reasons} if body.reasons else {}))

    def historical(self, call: Call) -> Reply:
        """`POST /v1/features/historical`: features for each row as of its prediction time.

        Raises: as `online`, and SpineUnusable FEA-010.
        """
        body = parse_body(call.body, HistoricalBody)
        names = _names_in(body.features, body.rows, limit=MAX_SPINE_ROWS)
        found = self._answers.historical_columns(names, rows=body.rows)
        self._observe("historical", len(body.rows))
        return json_reply({"rows": _rows_of(found, len(body.rows))})


def _names_in(features: str | list[str], rows: Sequence[object], *, limit: int) -> list[str]:
    """The names that are asked for.  Raises: BadRequest SRV-004, TooManyFeatureRows FEA-075."""
    names = [features] if isinstance(features, str) else features
    if not names or not rows:
        raise BadRequest(reason=f"`{'rows' if names else 'features'}` is empty")
    if len(rows) > limit:
        raise TooManyFeatureRows(rows=len(rows), limit=limit)
    return names


def _rows_of(columns: Mapping[str, Sequence[Value]], rows: int) -> list[dict[str, Value]]:
    if not columns:
        return [{} for _ in range(rows)]
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
