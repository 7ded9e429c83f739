"""The dashboard asks for what a server measures."""

import re

from mainspring.app.http.metrics import ServerMetrics
from mainspring.interface.dashboard import grafana_dashboard

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def measured():
    """The names of all samples that a server can have."""
    return {
        family.name + suffix
        for family in ServerMetrics().registry.collect()
        for suffix in SUFFIXES[family.type]
    }


def expressions():
    return [
        target["expr"] for panel in grafana_dashboard()["panels"] for target in panel["targets"]
    ]


def test_every_metric_of_the_dashboard_is_measured():
    asked = {name for text in expressions() for name in re.findall(r"mainspring_\w+", text)}
    assert asked
    assert asked <= measured()


def test_no_panel_lies_on_another_one():
    places = [tuple(panel["gridPos"].values()) for panel in grafana_dashboard()["panels"]]
    assert len(places) == len(set(places))


def test_parentheses_of_every_expression_are_closed():
    assert all(text.count("(") == text.count(")") for text in expressions())
