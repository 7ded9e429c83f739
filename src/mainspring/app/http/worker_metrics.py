"""The metrics of all workers behind one port: a scrape reaches one of them, and tells of each.

Every worker writes what it has counted to the folder that they share, once a second, and whoever is
scraped adds what the others wrote, each sample with the label `worker`.  A sum would be smaller,
but where a worker is replaced its counts begin anew, and of a sum nobody could tell.  Whoever is
scraped writes too: what one scrape has said the next one does not take back, whomever it reaches.
Nothing is written for a server by itself.
"""

import os
import threading
from collections.abc import Iterator, Mapping

import msgspec
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from mainspring.engines.local.inherited import WorkerPlace
from mainspring.flow.periodic import PeriodicTask

__all__ = ["WorkerMetrics"]

_PERIOD_S = 1.0


class _Sample(msgspec.Struct, array_like=True):
    name: str
    labels: dict[str, str]
    value: float


class _Family(msgspec.Struct, array_like=True):
    name: str
    help: str
    kind: str
    samples: list[_Sample]


class WorkerMetrics:
    """What one worker of several has counted, and what the others say.

    Args:
        registry: of this worker.
    """

    def __init__(self, registry: CollectorRegistry, place: WorkerPlace) -> None:
        self._registry, self._place = registry, place

    def task(self) -> PeriodicTask:
        """Tells the others now and then."""
        return PeriodicTask(self.write, name="metrics", period_s=_PERIOD_S)

    def write(self) -> None:
        """Tell the others."""
        self._write(_families_of(self._registry))

    def _write(self, families: list[_Family]) -> None:
        path = self._place.folder / f"{self._place.number}.metrics"
        # The thread that writes now and then is not the one that answers a scrape.
        fresh = path.with_suffix(f".{threading.get_ident()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "wb") as file:
            file.write(msgspec.json.encode(families))
        # Nobody reads half of it; that a crash of the machine would lose it is no loss.
        fresh.replace(path)

    def render(self) -> bytes:
        """Those of all, in the text format; what the others say is a second old at most."""
        mine = _families_of(self._registry)
        self._write(mine)
        told = {str(self._place.number): mine}
        for path in sorted(self._place.folder.glob("*.metrics")):
            if path.stem != str(self._place.number):
                told[path.stem] = msgspec.json.decode(path.read_bytes(), type=list[_Family])
        merged = CollectorRegistry()
        merged.register(_Merged(told))
        return generate_latest(merged)


def _families_of(registry: CollectorRegistry) -> list[_Family]:
    return [
        _Family(
            metric.name,
            metric.documentation,
            metric.type,
            [_Sample(each.name, dict(each.labels), each.value) for each in metric.samples],
        )
        for metric in registry.collect()
    ]


class _Merged(Collector):
    """The families of all workers, each once."""

    def __init__(self, told: Mapping[str, list[_Family]]) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        """In the order in which they are first told of."""
        merged: dict[str, Metric] = {}
        for worker, families in self._told.items():
            for family in families:
                metric = merged.setdefault(
                    family.name, Metric(family.name, family.help, family.kind)
                )
                for sample in family.samples:
                    metric.add_sample(
                        sample.name, {**sample.labels, "worker": worker}, sample.value
                    )
        yield from merged.values()
