"""The routes of a service, as `app` composes them."""

from tests.unit.app.http.conftest import (
    arrivals,
    client,
    clock,
    endpoints,
    get,
    guard,
    host,
    log,
    model,
    post,
    predictor,
    row,
    service,
    state,
    token_for,
    tokens,
)

__all__ = [
    "arrivals",
    "client",
    "clock",
    "endpoints",
    "get",
    "guard",
    "host",
    "log",
    "model",
    "post",
    "predictor",
    "row",
    "service",
    "state",
    "token_for",
    "tokens",
]
