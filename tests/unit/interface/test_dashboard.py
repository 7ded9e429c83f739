"""The dashboard asks for what a server measures."""

import re

from prometheus_client.parser import text_string_to_metric_families

from mainspring.app.http.bare import build_model_service
from mainspring.app.http.metrics import ServerMetrics
from mainspring.engines.http.application import asgi_application
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.interface.dashboard import grafana_dashboard
from mainspring.serving.protocol import matrix_model
from mainspring.serving.protocol.files import FileModels
from tests.unit.app.http.conftest import Client
from tests.unit.engines.onnx.test_scorer import row_means

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def measured():
    """The names of all samples that a server can have."""
    return {
        family.name + suffix
        for family in ServerMetrics().registry.collect()
        for suffix in SUFFIXES[family.type]
    }


def measured_of_models():
    """The names of all samples of a server of bare models that has answered."""
    model = matrix_model("means", "abc", OnnxScorer(row_means()), list("012"))
    service = build_model_service(FileModels({"means": lambda: model}), token=None)
    client = Client(asgi_application(service))
    body = {"inputs": [{"name": "features", "shape": [1, 3], "datatype": "FP64", "data": [1] * 3}]}
    assert client.post("/v2/models/means/infer", json=body).status_code == 200
    text = client.get("/metrics").text
    client.close()
    families = text_string_to_metric_families(text)
    return {sample.name for family in families for sample in family.samples}


def expressions():
    return [
        target["expr"] for panel in grafana_dashboard()["panels"] for target in panel["targets"]
    ]


def test_every_metric_of_the_dashboard_is_measured():
    asked = {
        name for text in expressions() for name in re.findall(r"(?:mainspring|process)_\w+", text)
    }
    assert asked
    assert asked <= measured()


def test_a_server_of_bare_models_has_no_names_of_its_own():
    found = {name for name in measured_of_models() if not name.endswith("_created")}
    assert found
    assert found <= measured()


def test_panels_of_requests_queues_and_models_are_for_servers_of_bare_models_too():
    found = measured_of_models() | {"mainspring_requests_rejected_total"}
    titles = {
        panel["title"]
        for panel in grafana_dashboard()["panels"]
        if set(re.findall(r"(?:mainspring|process)_\w+", panel["targets"][0]["expr"])) <= found
    }
    assert titles == {
        "Requests",
        "Time to answer",
        "Predictions by version",
        "Time to predict",
        "Requests in flight",
        "Requests answered together",
        "Requests under way for a model",
        "Requests not let in",
        "Model versions",
        "Memory",
        "Processor time",
    }


def test_no_panel_lies_on_another_one():
    places = [tuple(panel["gridPos"].values()) for panel in grafana_dashboard()["panels"]]
    assert len(places) == len(set(places))


def test_parentheses_of_every_expression_are_closed():
    assert all(text.count("(") == text.count(")") for text in expressions())
