"""An endpoint with twenty features looked up by key and every prediction logged, beside the route
of a bare model.
"""

import msgspec

from benchmarks.features.figure import Figure, Section
from benchmarks.serving import ours
from benchmarks.serving.contest import bodies_of, in_turns, share
from benchmarks.serving.model import ROWS, make_model
from benchmarks.serving.servers import SERVERS
from benchmarks.serving.setting import Setting
from benchmarks.serving.shop import customers, make_shop, serving_shop

__all__ = ["measure"]

_CONNECTIONS = 64
_SHARE_GOAL, _P50_GOAL_MS = 0.5, 0.5
_LOG = ".mainspring"


def measure(setting: Setting) -> Section:
    """Both under the same load, in turns."""
    server, model = SERVERS[0], make_model(setting.folder)
    project = make_shop(setting.folder / "shop" / "project")
    with (
        serving_shop(project, server=server) as endpoint,
        ours.bare_model(server, model, setting.folder / "beside-endpoint") as bare,
    ):
        bodies = [msgspec.json.encode({"rows": [{"customer": key}]}) for key in customers(ROWS)]
        loads = [
            (endpoint, endpoint.load_of(bodies)),
            (bare, bare.load_of(bodies_of(bare, model, rows=1))),
        ]
        crowd = in_turns(setting, loads, connections=_CONNECTIONS)
        alone = in_turns(setting, loads, connections=1)
    is_met = alone[0].p50_ms <= _P50_GOAL_MS
    return Section(
        "endpoint",
        "An endpoint: twenty features by key, every prediction logged",
        [
            Figure("endpoint, 64 connections", str(crowd[0])),
            Figure("bare model, 64 connections", str(crowd[1])),
            share(
                "endpoint ÷ bare model, 64 connections",
                crowd[0].rate / crowd[1].rate,
                _SHARE_GOAL,
                told=f"{server}",
            ),
            Figure("bare model, 1 connection", str(alone[1])),
            Figure("endpoint, 1 connection", str(alone[0])),
            Figure("endpoint, 1 connection, p50", f"{alone[0].p50_ms:.2f} ms", "≤ 0.5 ms", is_met),
        ],
        notes=(
            f"{ROWS} keys in turn, features from the embedded online store, log durability of a "
            "development environment (`process`).",
        ),
    )
