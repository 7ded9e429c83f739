"""OpenTelemetry: the spans of requests, sent to a collector by OTLP over HTTP.

The packages come with the extra `otel`.  Only `export` and `encoded` need them, so import what you
need from its module: this package loads nothing.
"""

__all__: list[str] = []
