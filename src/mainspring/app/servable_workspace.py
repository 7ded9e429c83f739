"""What a workspace must offer so that a server can answer for its environment."""

from pathlib import Path
from typing import Protocol

from mainspring.elements.events import Actor
from mainspring.govern.sign_journal import JournalSigner
from mainspring.govern.status import StatusReport
from mainspring.monitoring.operations import OperationsMonitor
from mainspring.monitoring.parity import ParityMonitor
from mainspring.monitoring.runner import MonitorRunner
from mainspring.project.config.config import EnvironmentConfig
from mainspring.project.deploy import EnvironmentDeployer
from mainspring.project.kinds.evaluation import Runtime
from mainspring.serving.host import EndpointHost
from mainspring.serving.state.generations import SourceGenerations
from mainspring.serving.state.materializer import OnlineMaterializer
from mainspring.serving.state.reader import FeatureReader
from mainspring.serving.tracing.replays import PredictionReplays
from mainspring.serving.tracing.trace import PredictionTrace
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.fold import TableMaterializer
from mainspring.sources.ingest import SourceWriter
from mainspring.sources.spec import Source

__all__ = ["DeployableWorkspace", "ServableWorkspace"]


class DeployableWorkspace(Protocol):
    """The part of a workspace that moves its environment."""

    @property
    def deployer(self) -> EnvironmentDeployer:
        """Plans moves and applies them."""
        ...


class ServableWorkspace(Protocol):
    """The part of a workspace that a server uses."""

    runtime: Runtime
    environment: str
    folder: Path | None
    config: EnvironmentConfig

    @property
    def parity(self) -> ParityMonitor:
        """Compares served features with recomputed ones."""
        ...

    @property
    def monitors(self) -> MonitorRunner:
        """Evaluates the monitors of the environment."""
        ...

    def host(self, *, must_load: bool = True) -> EndpointHost:
        """The endpoints, answering."""
        ...

    def materialize(self) -> None:
        """Bring online state up to the log."""
        ...

    @property
    def streams(self) -> OnlineMaterializer:
        """Keeps online state current."""
        ...

    @property
    def generations(self) -> SourceGenerations:
        """Keeps the generations of sources current."""
        ...

    @property
    def operations(self) -> OperationsMonitor:
        """Opens incidents on proofs that run out, and on a clock that jumped."""
        ...

    @property
    def journal_signer(self) -> JournalSigner:
        """Signs checkpoints of the journal."""
        ...

    @property
    def tables(self) -> TableMaterializer:
        """Keeps the tables of sources current."""
        ...

    def writer(self, source: str, *, actor: Actor | None = None) -> SourceWriter:
        """What takes rows of a source in, in somebody's name."""
        ...

    def present_source(self, source: Source) -> CompiledSource:
        """A source that a model was trained on, as it takes rows in now."""
        ...

    @property
    def replays(self) -> PredictionReplays:
        """Says where a prediction was made."""
        ...

    @property
    def served_features(self) -> FeatureReader:
        """Reads features of what the environment holds."""
        ...

    def trace(self, prediction: str) -> PredictionTrace:
        """Replay a prediction."""
        ...

    def status(self) -> StatusReport:
        """What the environment holds."""
        ...

    def acting_as(self, actor: str) -> DeployableWorkspace:
        """The same in another actor's name."""
        ...

    def token(self) -> Path:
        """The file with the owner's token."""
        ...
