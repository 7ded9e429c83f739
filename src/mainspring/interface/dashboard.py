"""A dashboard of a server's metrics for Grafana, to be imported as it is.

Source: Grafana's dashboard JSON model, schema version 39.
"""

from typing import NamedTuple

__all__ = ["grafana_dashboard"]

_WIDTH, _HEIGHT = 12, 8


class _Panel(NamedTuple):
    """A graph.

    Args:
        unit: in Grafana's words.
        queries: PromQL and the legend of each.
    """

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


def _quantile(share: str, metric: str, label: str) -> tuple[str, str]:
    rate = f"sum by (le, {label}) (rate({metric}_bucket[$__rate_interval]))"
    return f"histogram_quantile({share}, {rate})", f"p{share[2:]} {{{{{label}}}}}"


_PANELS = (
    _Panel(
        "Requests",
        "reqps",
        (
            (
                "sum by (route, status) (rate(mainspring_requests_total[$__rate_interval]))",
                "{{route}} {{status}}",
            ),
        ),
    ),
    _Panel(
        "Time to answer",
        "s",
        (
            _quantile("0.50", "mainspring_request_duration_seconds", "route"),
            _quantile("0.99", "mainspring_request_duration_seconds", "route"),
        ),
    ),
    _Panel(
        "Predictions by version",
        "rowsps",
        (
            (
                "sum by (endpoint, version) (rate(mainspring_predictions_total[$__rate_interval]))",
                "{{endpoint}} {{version}}",
            ),
        ),
    ),
    _Panel(
        "Time to predict",
        "s",
        (
            _quantile("0.50", "mainspring_predict_seconds", "endpoint"),
            _quantile("0.99", "mainspring_predict_seconds", "endpoint"),
        ),
    ),
    _Panel(
        "Requests in flight",
        "short",
        (("sum by (route) (mainspring_requests_in_flight)", "{{route}}"),),
    ),
    _Panel(
        "Requests answered together",
        "short",
        (
            (
                "sum by (route) (rate(mainspring_batch_calls_sum[$__rate_interval])) / "
                "sum by (route) (rate(mainspring_batch_calls_count[$__rate_interval]))",
                "mean {{route}}",
            ),
        ),
    ),
    _Panel(
        "Requests under way for a model",
        "short",
        (
            ("sum by (endpoint) (mainspring_queue_depth)", "{{endpoint}}"),
            ("sum(mainspring_queue_limit)", "as many as there may be"),
        ),
    ),
    _Panel(
        "Requests not let in",
        "reqps",
        (
            (
                "sum by (endpoint, reason) "
                "(rate(mainspring_requests_rejected_total[$__rate_interval]))",
                "{{endpoint}} {{reason}}",
            ),
        ),
    ),
    _Panel(
        "Model versions",
        "short",
        (
            (
                "max by (endpoint, model, role) (mainspring_model_info)",
                "{{endpoint}}: {{model}} ({{role}})",
            ),
            ("max by (endpoint) (mainspring_model_refused)", "{{endpoint}}: refused"),
        ),
    ),
    _Panel(
        "Faults",
        "short",
        (
            ("sum by (route) (increase(mainspring_unhandled_errors_total[5m]))", "500 {{route}}"),
            ("sum(increase(mainspring_parity_mismatch_total[5m]))", "reads that differ"),
        ),
    ),
    _Panel(
        "Memory",
        "bytes",
        (("sum by (instance) (process_resident_memory_bytes)", "{{instance}}"),),
    ),
    _Panel(
        "Processor time",
        "short",
        (
            (
                "sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]))",
                "cores {{instance}}",
            ),
        ),
    ),
    _Panel("Logs on disk", "bytes", (("max by (log) (mainspring_log_bytes)", "{{log}}"),)),
    _Panel(
        "Rows pushed",
        "rowsps",
        (
            (
                "sum by (source, outcome) (rate(mainspring_events_total[$__rate_interval]))",
                "{{source}} {{outcome}}",
            ),
        ),
    ),
)


def grafana_dashboard() -> dict[str, object]:
    """The dashboard; who imports it chooses the Prometheus that scrapes the server."""
    return {
        "title": "Mainspring: serving",
        "uid": "mainspring-serving",
        "tags": ["mainspring"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "prometheus",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "panels": [_panel(place, panel) for place, panel in enumerate(_PANELS)],
    }


def _panel(place: int, panel: _Panel) -> dict[str, object]:
    row, column = divmod(place, 2)
    source = {"type": "prometheus", "uid": "${prometheus}"}
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": source,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": source,
                "expr": expression,
                "legendFormat": legend,
            }
            for number, (expression, legend) in enumerate(panel.queries)
        ],
    }
