"""What a workspace is made of: each collaborator composed once, when it is first needed."""

import logging
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import polars as pl

from mainspring.access.tokens import Tokens
from mainspring.app.data_plane import (
    open_explainers,
    open_host,
    open_loader,
    open_materializer,
    open_replays,
    open_table_materializer,
    proven_runtime,
    status_ports,
    stream_ports,
)
from mainspring.app.maintenance import garbage_collector_of
from mainspring.app.outside import open_outside
from mainspring.app.ports import monitor_ports, parity_ports
from mainspring.app.sources import compile_sources, find_present, open_writer
from mainspring.elements.declaration import Named, name_of
from mainspring.elements.errors import DeclarationError
from mainspring.elements.events import Actor
from mainspring.elements.schema import Schema
from mainspring.features.history.reader import HistoryReader
from mainspring.flow.history import RunHistory
from mainspring.gates.release.memory import ProcessSequences, SequenceMemory
from mainspring.govern.audit import AuditTrust, iter_journal_faults
from mainspring.govern.sign_journal import JournalSigner
from mainspring.govern.status import StatusPorts
from mainspring.maintenance.collect import GarbageCollector
from mainspring.maintenance.doctor import Doctor
from mainspring.maintenance.examination import (
    doctor_of,
    iter_clock_faults,
    watch_of,
)
from mainspring.monitoring.operations import OperationsMonitor, OperationsPorts
from mainspring.monitoring.parity import ParityMonitor
from mainspring.monitoring.runner import MonitorRunner
from mainspring.ports.clock import clock_note
from mainspring.project.catalog import FeatureCatalog
from mainspring.project.deploy import EnvironmentDeployer
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.loader.bind import is_named_after_definition
from mainspring.project.loader.compile import ProjectFeatures
from mainspring.project.loader.load import LoadableProject, Project, declared_source
from mainspring.project.model_catalog import ModelCatalog
from mainspring.project.plan.read import read_origins
from mainspring.project.renew import GateRenewal
from mainspring.registry.read_environment import read_environment
from mainspring.serving.host import EndpointHost
from mainspring.serving.loader import EnvironmentLoader
from mainspring.serving.rollouts.steer import RolloutSteering
from mainspring.serving.state.generations import SourceGenerations
from mainspring.serving.state.materializer import OnlineMaterializer
from mainspring.serving.state.reader import FeatureReader
from mainspring.serving.tracing.replays import PredictionReplays
from mainspring.sources.compiled import CompiledSource
from mainspring.sources.facts import read_source_rows, scan_source_rows
from mainspring.sources.fold import TableMaterializer
from mainspring.sources.ingest import IngestJournal, SourceWriter
from mainspring.sources.spec import Source
from mainspring.sources.writers import SourceWriters

__all__ = ["Collaborators"]

_LOG = logging.getLogger("mainspring")


class Collaborators:
    """The collaborators of one project in one environment, in one actor's name.

    Args:
        project: on disk or in memory; loaded when a declaration is first needed.
        runtime: the ports, and who acts.
        folder: where its state lies; None in memory.
        memory: the highest releases and policies that were seen; default: as long as this process
            lives.
    """

    def __init__(
        self,
        project: LoadableProject,
        runtime: Runtime,
        *,
        environment: str,
        folder: Path | None,
        memory: SequenceMemory | None = None,
    ) -> None:
        self._memory = memory or ProcessSequences()
        self._files, self.project_config = project, project.config
        self.runtime, self.environment, self.folder = runtime, environment, folder
        self._project: Project | None = None
        self._sources: dict[str, CompiledSource] = {}
        self._sources_of: bytes | None = None
        config = project.config.environments[environment]
        if not config.protected:
            # The owner of the disk can forge everything here anyway: one local key means "tested",
            # never "approved".
            trusted = (*config.trust.get("tester", ()), runtime.signer.public_key)
            config = replace(config, trust={**config.trust, "tester": trusted})
        self.config = config

    @property
    def project(self) -> Project:
        """What is declared, with what is on record of it.  Raises: ProjectErrors PRJ-020 with every
        mistake.  Cost: the first time, an import of the project's modules.
        """
        self._project = (self._project or self._loaded).with_origins(
            read_origins(self.runtime.state)
        )
        return self._project

    @cached_property
    def _loaded(self) -> Project:
        return self._files.load()

    @cached_property
    def loadable_project(self) -> Project | None:
        """What is declared, or None where its files do not load while the environment holds what
        was applied before: whoever only looks at that goes on, and a warning says what is wrong.

        Raises: ProjectErrors PRJ-020 where nothing was ever applied.
        """
        try:
            return self.project
        except DeclarationError as error:
            if not read_environment(self.runtime.state, self.environment).pointers:
                raise
            _LOG.warning(
                "the project does not load; this is what %s holds: %s", self.environment, error
            )
        return None

    @cached_property
    def proven(self) -> Runtime:
        """What serves: in a protected environment only what is proven of it can be read there."""
        return proven_runtime(self.runtime, self.environment, self.config, self._memory)

    @cached_property
    def status_ports(self) -> StatusPorts:
        """What the status is read from."""
        return status_ports(self.runtime, self._memory)

    @cached_property
    def deployer(self) -> EnvironmentDeployer:
        """Plans moves of this environment, and applies plans."""
        config = self.project_config
        return EnvironmentDeployer(config, self.runtime, self.environment, lambda: self.project)

    @cached_property
    def gate_renewal(self) -> GateRenewal:
        """Judges again what the environment holds: `plan` says what, `renew` does it."""
        return GateRenewal(self.runtime, self.environment, self.config.trust_policy)

    def source(self, name: str | Named) -> Source:
        """A source as this environment's map has it, or as it is declared where the map has it not.
        Raises: UnknownAsset ACC-006.
        """
        wanted = name_of(name, "source")
        found = self._compiled_sources().get(wanted)
        return found.source if found else declared_source(self.project, wanted)

    def writer(self, source: str | Named, *, actor: Actor | None = None) -> SourceWriter:
        """What takes rows of a source in, without folding the table: for many small batches.

        Args:
            actor: who brings the rows; default: the actor of this workspace.

        Raises: UnknownAsset ACC-006.
        """
        name, sources = name_of(source, "source"), self._compiled_sources()
        by = actor or self.runtime.actor
        runtime = self.proven
        journal = IngestJournal(runtime.state, runtime.project, self.environment, by, runtime.clock)
        return open_writer(name, sources, self._writers, journal)

    def present_source(self, source: Source) -> CompiledSource:
        """A source of something that was built before, as it takes rows in now: by another name
        where it was renamed since.  Raises: UnknownAsset ACC-006.
        """
        return find_present(source, self._compiled_sources())

    @cached_property
    def _writers(self) -> SourceWriters:
        """Held, so that what comes from many at once is written together."""
        runtime = self.proven
        return SourceWriters(
            log=runtime.log,
            clock=runtime.data_clock,
            objects=runtime.objects,
            tables=runtime.tables,
        )

    def _compiled_sources(self) -> dict[str, CompiledSource]:
        """The sources as the map has them now; the same objects while it stands still."""
        document = self.proven.state.get("environment", self.environment)
        key = document.payload if document else b""
        if self._sources_of != key:
            self._sources = compile_sources(lambda: self.project, self.proven, self.environment)
            self._sources_of = key
        return self._sources

    @cached_property
    def generations(self) -> SourceGenerations:
        """The generations of sources that are kept current."""
        runtime = self.proven
        ports = runtime.state, runtime.log, runtime.objects, runtime.tables
        return SourceGenerations(*ports, is_named_after=is_named_after_definition)

    def facts_of(self, source: Source, schema: Schema | None = None) -> pl.DataFrame:
        """All facts of a source, declared or as this environment has it, with the span in which
        each is seen; in the types of a schema where the source has had several.
        """
        bound = source if source.bound_stream else self.source(source.name)
        return read_source_rows(
            bound, log=self.runtime.log, tables=self.runtime.tables, schema=schema
        )

    @cached_property
    def history(self) -> HistoryReader:
        """Answers views from history, in as much memory as this environment gives it."""
        scan = partial(scan_source_rows, log=self.runtime.log, tables=self.runtime.tables)
        return HistoryReader(scan=scan, memory_bytes=self.config.history_bytes)

    @cached_property
    def reader(self) -> FeatureReader:
        """Reads features as this environment holds them: a `view`, all `views`, their values."""
        return FeatureReader(
            stream_ports(self.proven),
            self.streams.kept,
            declared=ProjectFeatures(lambda: self.loadable_project, self.config.partitions),
            counted=(self.runtime.log, self.runtime.state),
            history=self.history,
        )

    @cached_property
    def served_features(self) -> FeatureReader:
        """Reads what the environment holds from online state as its consumer keeps it."""
        return FeatureReader(
            stream_ports(self.proven),
            self.streams.kept,
            history=self.history,
            counted=(self.runtime.log, self.runtime.state),
            folds=False,
        )

    @cached_property
    def parity(self) -> ParityMonitor:
        """Compares what was served with the log: `test` it now, or `run_due`."""
        ports, views = parity_ports(self.proven), self.reader.views
        return ParityMonitor(ports, self.environment, rate=self.config.parity, views=views)

    @cached_property
    def feature_views(self) -> FeatureCatalog:
        """The feature views and their state: `report` on all, `show` one, `backfill` a file of
        questions.
        """
        return FeatureCatalog(
            lambda: self.loadable_project,
            self.runtime,
            self.environment,
            view=self.reader.view,
            views=self.reader.views,
            views_of=self.reader.views_of,
            sets=self.reader.feature_sets,
            history=self.history,
        )

    @cached_property
    def models(self) -> ModelCatalog:
        """The models of this environment and their versions: `report` on one, `reports`, `card`,
        `load`.
        """
        explainer_of = open_explainers(self.proven)
        return ModelCatalog(self.proven, self.environment, self.loader.require_proven, explainer_of)

    def host(self, *, must_load: bool = True) -> EndpointHost:
        """The endpoints of this environment, answering; `refresh` follows the map.

        Args:
            must_load: whether stores that do not agree are an error; else nothing answers until
                they do.
        """
        if must_load:
            watch_of(self.runtime).require()
        return open_host(self.proven, self.loader, self.streams.kept, must_load=must_load)

    @cached_property
    def loader(self) -> EnvironmentLoader:
        """Opens what the map holds, if it is proven."""
        return open_loader(self.runtime, self.environment, self.config, self._memory)

    @cached_property
    def rollouts(self) -> RolloutSteering:
        """The roll-outs of this environment: `reports` says how they stand, and `pause`, `resume`,
        `promote` and `abort` move the one of an endpoint.
        """
        runtime = self.runtime
        return RolloutSteering(
            state=runtime.state,
            environment=self.environment,
            clock=runtime.clock,
            project=runtime.project,
            actor=runtime.actor,
        )

    @cached_property
    def runs(self) -> RunHistory:
        """The runs of this project: `runs` lists them, `report` says how one stands step by step,
        `events` what happened in it, and `cancel` ends it before its next step.
        """
        runtime = self.runtime
        return RunHistory(
            state=runtime.state,
            clock=runtime.clock,
            project=runtime.project,
            actor=runtime.actor,
        )

    @cached_property
    def streams(self) -> OnlineMaterializer:
        """Online state kept current: `once`, or by a `consumer` continuously."""
        return open_materializer(self.proven, self.environment, self.config)

    @cached_property
    def tables(self) -> TableMaterializer:
        """Keeps the tables of all sources of the map current."""
        return open_table_materializer(self.proven, self.streams.kept)

    @cached_property
    def monitors(self) -> MonitorRunner:
        """The monitors of this environment: `run` one now, or `run_due`."""
        return MonitorRunner(monitor_ports(self.proven), self.environment)

    @cached_property
    def tokens(self) -> Tokens:
        """Who may ask the server what."""
        runtime = self.runtime
        return Tokens(
            runtime.state,
            actor=runtime.actor,
            project=runtime.project,
            environment=self.environment,
            clock=runtime.clock,
        )

    @cached_property
    def replays(self) -> PredictionReplays:
        """Predictions recomputed, and their stories."""
        return open_replays(self.runtime, self.facts_of)

    @cached_property
    def operations(self) -> OperationsMonitor:
        """Opens incidents on proofs that run out, and on a clock that jumped."""
        runtime, clock = self.runtime, self.runtime.clock
        ports = OperationsPorts(
            project=runtime.project,
            state=runtime.state,
            objects=runtime.objects,
            verifier=runtime.verifier,
            clock=clock,
        )
        return OperationsMonitor(
            ports,
            self.environment,
            policy=self.config.trust_policy,
            clock_fault=lambda: clock_note(clock),
        )

    @cached_property
    def journal_signer(self) -> JournalSigner:
        """Signs checkpoints of the journal, with the local key."""
        runtime = self.runtime
        outside = open_outside(self.project_config.audit, self.folder)
        return JournalSigner(
            state=runtime.state,
            project=runtime.project,
            signer=runtime.signer,
            clock=runtime.clock,
            keep_outside=outside,
        )

    @property
    def audit_trust(self) -> AuditTrust:
        """Whose checkpoints count: the keys that the project names, else the local one."""
        keys = self.project_config.audit.trust or (self.runtime.signer.public_key,)
        return AuditTrust(keys, self.runtime.verifier)

    @cached_property
    def doctor(self) -> Doctor:
        """Looks at every store: `examine` says what is wrong, `accept` takes the log as it is."""
        journal = partial(iter_journal_faults, self.runtime.state, self.audit_trust)
        return doctor_of(
            self.runtime,
            self.environment,
            views=self.streams.kept.read,
            more={
                "journal": journal,
                "proofs": self.operations.iter_expiring,
                "clock": lambda: iter_clock_faults(self.runtime),
            },
        )

    @cached_property
    def garbage_collector(self) -> GarbageCollector:
        """`plan` what nothing needs, and `collect` it.  Raises: LeaseHeld FLO-001 while somebody
        works.
        """
        return garbage_collector_of(self.runtime, self._files, self.folder)
