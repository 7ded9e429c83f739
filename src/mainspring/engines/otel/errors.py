"""What stops a server that is to be traced from starting."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = ["TracesNotInstalled", "TracesUnusable"]


@dataclass(eq=False, kw_only=True)
class TracesNotInstalled(ServingError):
    """A server is asked to send traces, and the packages of OpenTelemetry are not installed.

    They are an extra, since whoever sends no traces needs none of them.  Where nothing but the
    variables of OpenTelemetry in the environment asks for traces, the server starts without, and
    says so in its log.
    """

    code: ClassVar[str] = "SRV-058"
    template: ClassVar[str] = "{where} asks for traces, and the package {package} is not installed"
    remedy: ClassVar[str] = "pip install 'mainspring[otel]'"

    where: str
    package: str


@dataclass(eq=False, kw_only=True)
class TracesUnusable(ServingError):
    """Where the traces of a server are to go is no address of a collector.

    It is the address that OpenTelemetry calls `OTEL_EXPORTER_OTLP_ENDPOINT`: `http` or `https`, a
    host and mostly port 4318, without `/v1/traces`.  What a collector asks for, such as a token,
    belongs into `headers`, where the environment variable that holds it is named.
    """

    code: ClassVar[str] = "SRV-059"
    template: ClassVar[str] = "{where} is no address that traces can be sent to: {reason}"
    remedy: ClassVar[str] = "give the address of a collector, such as http://localhost:4318"

    where: str
    reason: str
