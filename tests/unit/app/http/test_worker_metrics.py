"""A scrape of one worker tells of all."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from mainspring.app.http.metrics import ServerMetrics
from mainspring.engines.local.inherited import WorkerPlace


def workers_in(folder: Path) -> list[ServerMetrics]:
    """Two, behind one port."""
    return [ServerMetrics(WorkerPlace(number, 2, folder)) for number in (1, 2)]


def requests_of(metrics: ServerMetrics) -> dict[str, float]:
    """What a scrape says of answered requests, by worker."""
    return {
        sample.labels["worker"]: sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name == "mainspring_requests_total"
    }


def test_a_scrape_of_any_worker_has_the_counts_of_each(tmp_path: Path) -> None:
    first, second = workers_in(tmp_path)
    for metrics, count in ((first, 3), (second, 4)):
        metrics.http.requests.labels("/v1/status", "200").inc(count)
        assert metrics.workers is not None
        metrics.workers.write()
    assert requests_of(first) == requests_of(second) == {"1": 3.0, "2": 4.0}


def test_its_own_counts_are_those_of_now(tmp_path: Path) -> None:
    first, _ = workers_in(tmp_path)
    assert first.workers is not None
    first.workers.write()
    first.http.requests.labels("/v1/status", "200").inc()
    assert requests_of(first) == {"1": 1.0}


def test_a_family_is_described_once(tmp_path: Path) -> None:
    first, second = workers_in(tmp_path)
    assert second.workers is not None
    second.workers.write()
    assert first.render().count(b"# TYPE mainspring_requests_total counter") == 1


def test_what_workers_tell_each_other_is_for_nobody_else(tmp_path: Path) -> None:
    first, _ = workers_in(tmp_path)
    assert first.workers is not None
    first.workers.write()
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


def test_a_server_by_itself_has_no_label_of_a_worker() -> None:
    metrics = ServerMetrics()
    metrics.http.requests.labels("/v1/status", "200").inc()
    assert b"worker=" not in metrics.render()
