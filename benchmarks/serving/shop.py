"""A project with an endpoint whose model takes twenty features of one key, and its server."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.serving.contender import Contender, Question, Rows, ask, starting
from benchmarks.serving.ours import mainspring
from benchmarks.serving.peers import free_port
from benchmarks.serving.servers import words_for
from mainspring.app.workspace import Workspace

__all__ = ["AS_OF", "ENDPOINT", "customers", "deploy_other_version", "make_shop", "serving_shop"]

ENDPOINT, AS_OF = "returned", "2024-01-31T00:00:00Z"
_FACTS, _CUSTOMERS, _DAYS = 40_000, 2_000, 30
_PATIENCE_S = 120.0
_DECLARATIONS = '''\
"""Will a purchase be sent back?  Twenty features of the customer."""

import lightgbm as lgb

import mainspring as ms
from mainspring import col

purchases = ms.Source(
    "purchases",
    "purchases.parquet",
    id="purchase",
    event_time="bought_at",
    contract=ms.Contract(
        purchase=ms.Int64(), customer=ms.Int64(), amount=ms.Float64(), bought_at=ms.Timestamp()
    ),
)
returns = ms.Source("returns", "returns.parquet", id="purchase", event_time="decided_at")
customer, amount = ms.Entity("customer"), col("amount")
twenty = ms.FeatureView(
    "purchases_in_windows",
    source=purchases,
    entities=[customer],
    windows=["1h", "24h", "7d", "30d"],
    features={
        "count": ms.count(),
        "sum": amount.sum(),
        "mean": amount.mean(),
        "max": amount.max(),
        "last": amount.last(),
    },
)
history = ms.TrainingSet(
    "history",
    spine=purchases,
    prediction_time=col("bought_at"),
    request=["customer"],
    label=ms.Label(returns, col("is_returned"), join_on="purchase"),
    features=[twenty],
    split=ms.split_by_time(
        train_from="2024-01-01", test_from="2024-01-25", test_until="2024-01-30"
    ),
)


@ms.model(history, gates=[])
def returned_model(train, run):
    return lgb.LGBMClassifier(
        n_estimators=200, num_leaves=31, n_jobs=1, verbosity=-1, seed=0
    ).fit(train.X, train.y)


endpoint = ms.Endpoint("returned", model=returned_model@RETENTION@)
'''


def make_shop(folder: Path, *, retention: str = "") -> Path:
    """The project, with its endpoint trained and its features up to date.

    Args:
        retention: of predictions in the log; empty: they stay.
    """
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    start = np.datetime64("2024-01-01", "us")
    seconds = np.sort(random.integers(0, _DAYS * 86_400, _FACTS))
    bought_at = start + seconds.astype("timedelta64[s]")
    amount = np.round(random.gamma(2.0, 20.0, _FACTS), 2)
    facts = pl.DataFrame(
        {
            "purchase": np.arange(_FACTS),
            "customer": random.integers(0, _CUSTOMERS, _FACTS),
            "amount": amount,
            "bought_at": bought_at,
        }
    ).with_columns(pl.col("bought_at").dt.replace_time_zone("UTC"))
    facts.write_parquet(folder / "purchases.parquet")
    facts.select(
        "purchase",
        is_returned=pl.Series(random.random(_FACTS) < 1 / (1 + np.exp(2 - amount / 40))),
        decided_at=pl.col("bought_at") + pl.duration(hours=1),
    ).write_parquet(folder / "returns.parquet")
    declared = f', retention="{retention}"' if retention else ""
    (folder / "shop.py").write_text(_DECLARATIONS.replace("@RETENTION@", declared))
    (folder / "project.toml").write_text(f'name = "shop"\n[environments.dev]\nas_of = {AS_OF}\n')
    workspace = Workspace.open(folder)
    workspace.apply()
    workspace.materialize()
    workspace.token()
    return folder


def deploy_other_version(project: Path) -> None:
    """Deploy the model with as many trees as it has not at present; each of both is trained
    once.
    """
    declared = project / "shop.py"
    text = declared.read_text()
    few, many = "n_estimators=150", "n_estimators=200"
    declared.write_text(text.replace(few, many) if few in text else text.replace(many, few))
    if not Workspace.open(project).apply().moved:
        raise RuntimeError("nothing was deployed")


def customers(count: int) -> list[int]:
    """Keys to ask for, spread over all."""
    return [place * _CUSTOMERS // count for place in range(count)]


@contextmanager
def serving_shop(
    project: Path, *, server: str, name: str = "served", words: Sequence[str] = ()
) -> Iterator[Contender]:
    """`mainspring serve` of it.

    Args:
        name: of the folder for what it says.
        words: more options of the command.
    """
    port, room = free_port(), project.parent / f"{name}-{server}"
    room.mkdir(parents=True, exist_ok=True)
    token = (project / ".mainspring" / "token").read_text().strip()
    question = Question(
        f"/v1/endpoints/{ENDPOINT}/predict",
        _as_rows,
        _scores,
        {"Authorization": f"Bearer {token}"},
    )
    command = mainspring("serve", "--port", str(port), "--project", str(project), *words)
    log, began = room / "said", time.monotonic()
    with starting([*command, *words_for(server)], folder=room, log=log) as process:
        contender = Contender(
            f"Mainspring endpoint, {server}", f"http://127.0.0.1:{port}", question, process, room
        )
        until = began + _PATIENCE_S
        while not _is_right(contender):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the endpoint does not answer: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        contender.started_s = time.monotonic() - began
        yield contender


def _is_right(contender: Contender) -> bool:
    try:
        status, document = ask(contender.url, contender.question, np.zeros((1, 1)))
    except OSError:
        return False
    return status == 200 and len(_scores(document)) == 1


def _as_rows(rows: Rows) -> object:
    return {"rows": [{"customer": int(key)} for key in rows[:, 0]]}


def _scores(document: object) -> Sequence[float]:
    predictions = document["predictions"]  # type: ignore[index, call-overload]
    return [each["score"] for each in predictions]
