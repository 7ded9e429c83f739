"""How often each model answered, how long that took, and in batches of which sizes.

Source: Open Inference Protocol, statistics extension (`extension_statistics.md`).
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from mainspring.ports.metrics import DURATION_BOUNDS_S, InferenceCounts

__all__ = ["ModelStatistics", "Span", "StatisticsKeeper"]

_MOST_MODELS, _MOST_SIZES = 1_000, 1_000
_BOUNDS_NS = [int(bound * 1e9) for bound in DURATION_BOUNDS_S]


@dataclass
class Span:
    """How many times something was done, and the nanoseconds that it took in all."""

    count: int = 0
    ns: int = 0

    def add(self, ns: int, count: int = 1) -> None:
        """So many more."""
        self.count += count
        self.ns += ns

    def document(self) -> dict[str, int]:
        """As the protocol writes it."""
        return {"count": self.count, "ns": self.ns}


@dataclass
class ModelStatistics:
    """Of one version of a model.

    Args:
        last_ms: when it last answered, in milliseconds since 1970.
        rows: that were answered.
        runs: of the model; several requests may be one.
        spans: by the protocol's names.
        batches: runs by their number of rows.
        durations: answered requests by what they took, see `InferenceCounts`.
    """

    name: str
    version: str
    last_ms: int = 0
    rows: int = 0
    runs: int = 0
    spans: dict[str, Span] = field(
        default_factory=lambda: {
            name: Span()
            for name in (
                *("success", "fail", "queue", "compute_input", "compute_infer"),
                *("compute_output", "cache_hit", "cache_miss"),
            )
        }
    )
    batches: dict[int, Span] = field(default_factory=dict)
    durations: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS_NS) + 1))

    def document(self) -> dict[str, object]:
        """As the protocol writes it."""
        return {
            "name": self.name,
            "version": self.version,
            "last_inference": self.last_ms,
            "inference_count": self.rows,
            "execution_count": self.runs,
            "inference_stats": {name: span.document() for name, span in self.spans.items()},
            "batch_stats": [
                {"batch_size": size, "compute_infer": span.document()}
                for size, span in sorted(self.batches.items())
            ],
        }


class StatisticsKeeper:
    """The statistics of a server, since it started; safe to use from several threads.

    Args:
        now_ms: milliseconds since 1970.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms, self._lock = now_ms, Lock()
        self._kept: dict[tuple[str, str], ModelStatistics] = {}

    def count_run(self, name: str, version: str, *, rows: int, ns: int) -> None:
        """A run of the model over so many rows."""
        with self._lock:
            kept = self._of(name, version)
            kept.runs += 1
            kept.spans["compute_infer"].add(ns)
            if rows in kept.batches or len(kept.batches) < _MOST_SIZES:
                kept.batches.setdefault(rows, Span()).add(ns)

    def count_answer(self, name: str, version: str, *, rows: int, spans: dict[str, int]) -> None:
        """An answered request, and the nanoseconds of its parts, `success` being all of it."""
        with self._lock:
            kept = self._of(name, version)
            kept.last_ms, kept.rows = self._now_ms(), kept.rows + rows
            for part, ns in spans.items():
                kept.spans[part].add(ns)
            kept.durations[bisect_left(_BOUNDS_NS, spans["success"])] += 1

    def count_refusal(self, name: str, version: str, *, ns: int) -> None:
        """A request that ended with an error."""
        with self._lock:
            self._of(name, version).spans["fail"].add(ns)

    def documents(self, name: str = "", version: str = "") -> list[dict[str, object]]:
        """Of all models, or of one, or of one version."""
        with self._lock:
            return [
                kept.document()
                for (of, label), kept in sorted(self._kept.items())
                if name in ("", of) and version in ("", label)
            ]

    def counts(self) -> Sequence[InferenceCounts]:
        """Of every version that was asked, for metrics."""
        with self._lock:
            return [
                InferenceCounts(
                    name,
                    version,
                    kept.rows,
                    tuple(kept.durations),
                    kept.spans["success"].ns / 1e9,
                )
                for (name, version), kept in sorted(self._kept.items())
            ]

    def document_of(self, name: str, version: str) -> dict[str, object]:
        """Of a version, which may not have been asked yet."""
        found = self.documents(name, version)
        return found[0] if found else ModelStatistics(name, version).document()

    def _of(self, name: str, version: str) -> ModelStatistics:
        key = name, version
        if key not in self._kept and len(self._kept) >= _MOST_MODELS:
            # Versions come and go; the one that answered longest ago is forgotten.
            del self._kept[min(self._kept, key=lambda each: self._kept[each].last_ms)]
        if key not in self._kept:
            self._kept[key] = ModelStatistics(name, version)
        return self._kept[key]
