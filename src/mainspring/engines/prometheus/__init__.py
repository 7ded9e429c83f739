"""Metrics for Prometheus, by its own client: what servers count of requests, of admission, and of
models.

A server puts together what it has of these in a registry of its own, so that two servers in one
process do not share counts.
"""

from mainspring.engines.prometheus.admission import AdmissionMetrics
from mainspring.engines.prometheus.inference import InferenceMetrics, ModelInfo
from mainspring.engines.prometheus.requests import RequestMetrics

__all__ = ["AdmissionMetrics", "InferenceMetrics", "ModelInfo", "RequestMetrics"]
