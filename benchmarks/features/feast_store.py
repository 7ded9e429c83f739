"""Runs under Feast's own Python: fill its SQLite store and time `get_online_features`.  Prints the
median seconds for each number of keys as JSON.

Usage: feast_store.py FOLDER KEYS CALLS SIZE …
"""

import json
import random
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

FEATURES = [f"feature_{number}" for number in range(20)]
CONFIGURATION = """project: reads
provider: local
registry: registry.db
online_store:
  type: sqlite
  path: online.db
entity_key_serialization_version: 3
"""


def write_values(path: Path, keys: int) -> None:
    """A row for every key, observed a moment ago."""
    drawn = np.random.default_rng(1).random((keys, len(FEATURES)))
    frame = pd.DataFrame(drawn, columns=FEATURES)
    frame["customer"] = np.arange(keys)
    frame["observed_at"] = datetime.now(UTC) - timedelta(minutes=5)
    frame.to_parquet(path)


def open_store(folder: Path, keys: int) -> FeatureStore:
    """A store with one view of twenty floats, materialised."""
    folder.mkdir(parents=True)
    (folder / "feature_store.yaml").write_text(CONFIGURATION)
    write_values(folder / "values.parquet", keys)
    customer = Entity(name="customer", join_keys=["customer"], value_type=ValueType.INT64)
    source = FileSource(path=str(folder / "values.parquet"), timestamp_field="observed_at")
    view = FeatureView(
        name="purchases",
        entities=[customer],
        schema=[Field(name=name, dtype=Float64) for name in FEATURES],
        source=source,
    )
    store = FeatureStore(repo_path=str(folder))
    store.apply([customer, view])
    now = datetime.now(UTC)
    store.materialize(now - timedelta(days=1), now)
    return store


def median_s(store: FeatureStore, *, keys: int, calls: int, size: int) -> float:
    """The median time of a call for so many keys, other ones each time."""
    wanted = [f"purchases:{name}" for name in FEATURES]
    taken = []
    for _ in range(calls):
        rows = [{"customer": key} for key in random.choices(range(keys), k=size)]
        began = time.perf_counter()
        answer = store.get_online_features(features=wanted, entity_rows=rows).to_dict()
        taken.append(time.perf_counter() - began)
        if None in answer[FEATURES[0]]:
            raise SystemExit("Feast found no value for a key that it was given")
    return statistics.median(taken[calls // 10 :])


def main() -> None:
    """Fill, time, print."""
    folder, keys, calls, *sizes = sys.argv[1:]
    store = open_store(Path(folder), int(keys))
    print(
        json.dumps(
            {
                size: median_s(store, keys=int(keys), calls=int(calls), size=int(size))
                for size in sizes
            }
        )
    )


if __name__ == "__main__":
    main()
