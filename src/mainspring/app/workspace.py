"""The composition root: configuration becomes objects here and nowhere else, and everything that a
person or a program asks for is a method.

A workspace is one project in one environment.  On disk its state lies in `.mainspring/` beside the
project; in memory nothing is written anywhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from mainspring.access.tokens import Tokens, load_or_create_token
from mainspring.app.compose import (
    OffsetClock,
    approver_signer,
    compose_in_memory,
    compose_on_disk,
    public_keys,
)
from mainspring.elements.events import Actor
from mainspring.elements.identity import Digest
from mainspring.elements.schema import Schema
from mainspring.elements.time import DAY, Micros, parse_instant
from mainspring.features.online.read import FeatureRows
from mainspring.flow.execute import Observer
from mainspring.govern.audit import AuditReport, audit_journal
from mainspring.govern.lineage import LineageNode
from mainspring.maintenance.backup import BackupReport, write_backup
from mainspring.maintenance.collect import GarbageCollector
from mainspring.maintenance.restore import RestoreReport, restore_backup
from mainspring.monitoring.parity import ParityMonitor
from mainspring.monitoring.runner import MonitorRunner
from mainspring.monitoring.window import WindowReport
from mainspring.ports.clock import Clock
from mainspring.ports.signer import PublicKey
from mainspring.project.apply.evaluate import ApplyReport
from mainspring.project.catalog import FeatureCatalog
from mainspring.project.deploy import EnvironmentDeployer
from mainspring.project.kinds.evaluation import Runtime, StageProgressCallback
from mainspring.project.lineage import asset_lineage, declared_source
from mainspring.project.loader.load import Project
from mainspring.project.plan.explain import render_plan
from mainspring.project.plan.plan import Plan
from mainspring.project.status import StatusReport, status_of_environment
from mainspring.registry.environment import EnvironmentVersion
from mainspring.registry.read_environment import read_environment
from mainspring.serving.host import EndpointHost
from mainspring.serving.inference_log import inference_topic
from mainspring.serving.loader import EnvironmentLoader
from mainspring.serving.predict import Prediction, Predictor
from mainspring.serving.state.materializer import OnlineMaterializer
from mainspring.serving.state.reader import FeatureReader
from mainspring.serving.state.ready import ReadyLoader
from mainspring.serving.tracing.replay import ReplayResult
from mainspring.serving.tracing.replays import PredictionReplays
from mainspring.serving.tracing.trace import PredictionTrace
from mainspring.simulation.scenario import scenario_for_environment
from mainspring.simulation.simulate import SimulationReport, run_simulation
from mainspring.sources.facts import read_facts
from mainspring.sources.fold import TableMaterializer, materialize_table
from mainspring.sources.ingest import (
    CompiledSource,
    IngestJournal,
    IngestReport,
    SourceRows,
    SourceWriter,
)
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of

__all__ = ["Workspace"]


class Workspace:
    """One project in one environment, ready to work.  Stable.

    Open one with `Workspace.open(path, env=...)`, or with nothing on disk with
    `Workspace.in_memory(definitions)`.
    """

    def __init__(
        self, project: Project, tools: Runtime, *, environment: str, folder: Path | None
    ) -> None:
        self.project, self.tools, self.environment, self.folder = (
            project,
            tools,
            environment,
            folder,
        )
        config = project.config.environments[environment]
        if not config.protected:
            # The owner of the disk can forge everything here anyway: one local key means "tested",
            # never "approved".
            trusted = (*config.trust.get("tester", ()), tools.signer.public_key)
            config = replace(config, trust={**config.trust, "tester": trusted})
        self.config = config

    @classmethod
    def open(
        cls, path: str | Path = ".", env: str = "dev", *, actor: str = "", as_of: str = ""
    ) -> "Workspace":
        """The workspace of the project at a folder or file; its state lies in `.mainspring/`.

        Args:
            actor: who acts, such as `person:ada`; default: the user of this process.
            as_of: where the clock of the data starts; default: what the environment's
                configuration says, else now.

        Raises: ProjectErrors PRJ-020 with every mistake in the project, UnknownEnvironment ACC-004
            for an unknown environment, StoreUnreachable ENG-012, ProductMissing ENG-013 or
            SecretMissing ENG-014 for an engine that cannot be opened.
        """
        composed = compose_on_disk(Path(path), env, actor=actor, as_of=as_of)
        return cls(composed.project, composed.tools, environment=env, folder=composed.folder)

    @classmethod
    def in_memory(
        cls, definitions: Iterable[object], env: str = "dev", *, clock: Clock | None = None
    ) -> "Workspace":
        """A workspace of these declarations with nothing on disk; sources are pushed to with
        `ingest`.

        Args:
            clock: of world and data; default: the machine's.

        Raises: ProjectErrors PRJ-020, NothingDeclared PRJ-022, NotADeclaration PRJ-047,
            UnknownEnvironment ACC-004.
        """
        composed = compose_in_memory(definitions, env, clock=clock)
        return cls(composed.project, composed.tools, environment=env, folder=None)

    @staticmethod
    def restore(
        path: str | Path, archive: str | Path, *, actor: str = "", digest: str = ""
    ) -> RestoreReport:
        """Bring a backup back into the project at a folder or file, which must have no state yet.

        Args:
            digest: what `backup` returned; given, a backup that was exchanged as a whole is refused
                as well.

        Raises: ArchiveDamaged FLO-022, ArchiveForeign FLO-023, PlaceTaken FLO-024, StoreFailed
            ENG-001.
        """
        return restore_backup(Path(path), Path(archive), actor=actor, digest=digest)

    @cached_property
    def deployer(self) -> EnvironmentDeployer:
        """Plans moves of this environment, and applies plans."""
        project = self.project
        return EnvironmentDeployer(project.config, self.tools, self.environment, lambda: project)

    def plan(self) -> Plan:
        """What would change."""
        return self.deployer.plan()

    def plan_run(self, name: str) -> Plan:
        """What a retraining of an unchanged model would do.  Raises: UnknownAsset ACC-006."""
        return self.deployer.plan_run(name)

    def plan_promotion(self, target: str) -> Plan:
        """What a promotion to another environment would do.  Raises: NothingToPromote FLO-021,
        UnknownEnvironment ACC-004.
        """
        return self.deployer.plan_promotion(target)

    def plan_rollback(self) -> Plan:
        """What a rollback would do.  Raises: NothingToRollBack FLO-020."""
        return self.deployer.plan_rollback()

    def plan_pointing(self, version: str) -> Plan:
        """What pointing at a version would do.  Raises: UnknownVersion REG-001, UnknownAsset
        ACC-006.
        """
        return self.deployer.plan_pointing(version)

    def explain(self, plan: Plan) -> str:
        """The plan as text for people; what `mainspring plan` prints."""
        return render_plan(plan)

    def apply(
        self,
        plan: Plan | None = None,
        *,
        observer: Observer | None = None,
        progress: StageProgressCallback = lambda *_: None,
    ) -> ApplyReport:
        """Apply a plan exactly (default: a new one), or refuse all of it.

        Raises: PlanStale FLO-026 for a plan that is stale, GatesFailed GAT-010 when a gate is not
            passed, ModelRefused SRV-002 for what is not proven, ProtectedEnvironment ACC-005 in a
            protected environment, LeaseHeld FLO-001.
        """
        return self.deployer.apply(plan or self.plan(), observer=observer, progress=progress)

    def run(
        self,
        name: str,
        *,
        observer: Observer | None = None,
        progress: StageProgressCallback = lambda *_: None,
    ) -> ApplyReport:
        """Retrain an unchanged model on the present data, and deploy it if it passes its gates.
        Raises: as `apply`, UnknownAsset ACC-006.
        """
        return self.apply(self.plan_run(name), observer=observer, progress=progress)

    def promote(self, target: str) -> ApplyReport:
        """Promote what this environment holds to another one.  Raises: as `apply`, NothingToPromote
        FLO-021.
        """
        return self.apply(self.plan_promotion(target))

    def point_at(self, version: str) -> EnvironmentVersion:
        """Deploy a version that was made before, if it is proven here.
        Raises: as `apply`, UnknownVersion REG-001, UnknownAsset ACC-006.
        """
        self.apply(self.plan_pointing(version))
        return read_environment(self.tools.state, self.environment)

    def rollback(self) -> EnvironmentVersion:
        """Restore the environment's previous version.  Raises: as `apply`, NothingToRollBack
        FLO-020.
        """
        self.apply(self.plan_rollback())
        return read_environment(self.tools.state, self.environment)

    def approve(self, model: str, target: str) -> Digest:
        """Approve the version here for a target environment, in the name of this workspace's actor.
        Raises: SelfApproval GAT-004, NotAPerson GAT-005, UnknownEnvironment ACC-004, UnknownAsset
            ACC-006.
        """
        return self.deployer.approve(model, target, approver_signer(self.folder))

    def public_keys(self) -> dict[str, PublicKey]:
        """The public half of each key that signs here, by role."""
        return public_keys(self.folder, self.tools.signer)

    def status(self) -> StatusReport:
        """What the environment holds."""
        return status_of_environment(self.project, self.tools, self.environment, config=self.config)

    def audit(self, *, kind: str = "", last: int = 50) -> AuditReport:
        """The journal, checked.  Cost: about 10 µs an event."""
        return audit_journal(self.tools.state, kind=kind, last=last)

    def lineage(self, asset: str) -> LineageNode:
        """From an asset to the raw files; of assets with one name, such as a model and its
        endpoint, the last made is meant.  Raises: UnknownAsset ACC-006.
        """
        current = read_environment(self.tools.state, self.environment)
        return asset_lineage(asset, self.project, current, state=self.tools.state)

    def source(self, name: str) -> Source:
        """A declared source.  Raises: UnknownAsset ACC-006."""
        return declared_source(self.project, name)

    def ingest(
        self, source: str, rows: SourceRows | Path | str, *, history: bool = False, op: str = ""
    ) -> IngestReport:
        """Take rows, or a file by its path, through the contract into the log, and fold the log
        into the table.

        Args:
            history: the rows tell of the past: they become visible when they say they were known,
                and not now.
            op: `replace` or `delete`, for corrections of facts that were accepted before.

        Raises: UnknownAsset ACC-006, a SourceError SRC-001 to SRC-006.
        """
        if isinstance(rows, Path | str):
            report = self.writer(source).write_file(Path(rows), history=history, op=op)
        else:
            report = self.writer(source).write_rows(rows, history=history, op=op)
        materialize_table(topic_of(source), log=self.tools.log, tables=self.tools.tables)
        return report

    def writer(self, source: str, *, actor: Actor | None = None) -> SourceWriter:
        """What takes rows of a source in, without folding the table: for many small batches.

        Args:
            actor: who brings the rows; default: the actor of this workspace.

        Raises: UnknownAsset ACC-006.
        """
        self.source(source)
        tools, compiled = self.tools, self._compiled_sources[source]
        by = actor or tools.actor
        journal = IngestJournal(tools.state, tools.project, self.environment, by, tools.clock)
        return SourceWriter(
            compiled, log=tools.log, clock=tools.data_clock, tables=tools.tables, journal=journal
        )

    @cached_property
    def _compiled_sources(self) -> dict[str, CompiledSource]:
        return {
            source.name: CompiledSource(source, self.project.schemas[source.name])
            for source in self.project.declarations.sources
        }

    def facts_of(self, source: Source, schema: Schema | None = None) -> pl.DataFrame:
        """All facts of a source with the span in which each is seen; in the types of a schema where
        the source has had several.
        """
        return read_facts(source, log=self.tools.log, tables=self.tools.tables, schema=schema)

    @cached_property
    def reader(self) -> FeatureReader:
        """Reads features as this environment holds them: a `view`, all `views`, their values."""
        partitions = self.config.partitions
        return FeatureReader(self.project, self.tools, self.streams, partitions=partitions)

    def get_historical_features(
        self, features: Sequence[str], *, spine: pl.DataFrame
    ) -> pl.DataFrame:
        """Features of these views for every row of the spine, point-in-time correct, in its order;
        no row is dropped.

        Args:
            features: names of feature views, which answer as this environment holds them.
            spine: join keys, and `prediction_time`: timestamps (without a zone: UTC), ISO 8601 text
                or int64 microseconds.

        Raises: UnknownAsset ACC-006, SpineUnusable FEA-010 for a column that is missing or of
            another type.
        """
        return self.reader.get_historical_features(features, spine=spine)

    def get_online_features(
        self,
        features: Sequence[str],
        *,
        keys: Sequence[Mapping[str, object]] | pl.DataFrame,
        at: Micros | str | datetime | None = None,
        reasons: bool = False,
    ) -> FeatureRows:
        """Features of these views for each key, from online state, now or at another time.

        Args:
            keys: the join keys of each row.
            reasons: say also why a value is null: see `FeatureRows.reasons`.

        Returns: values as models take them: instants and lengths of time are int64 microseconds.

        Raises: HorizonPassed FEA-002 when online state does not reach back to that time,
            MissingRequestField FEA-003, WrongRequestType FEA-004 for a missing join key or one of
            another type, MomentAhead FEA-011 for the future, FeatureNamedTwice FEA-012 where two
            views give a column of one name, HindsightAsked FEA-013 for a view with hindsight.
        """
        return self.reader.get_online_features(features, keys=keys, at=at, reasons=reasons)

    @cached_property
    def parity(self) -> ParityMonitor:
        """Compares served features with recomputed ones: `test` now, or `run_due`."""
        return ParityMonitor(
            self.project,
            self.tools,
            self.environment,
            rate=self.config.parity,
            views=self.reader.views,
        )

    @cached_property
    def feature_views(self) -> FeatureCatalog:
        """The feature views and their state: `report` on all, `show` one, `backfill` a file of
        questions.
        """
        return FeatureCatalog(
            self.project,
            self.tools,
            self.environment,
            view=self.reader.view,
            views=self.reader.views,
        )

    def host(self) -> EndpointHost:
        """The endpoints of this environment, answering; `refresh` follows the map."""
        maps = ReadyLoader(self.loader.load, self.streams.kept, self.tools)
        host = EndpointHost(
            maps.load,
            self._predictor,
            environment=self.environment,
            clock=self.tools.data_clock,
            ids=self.tools.ids,
        )
        host.refresh()
        return host

    @cached_property
    def loader(self) -> EnvironmentLoader:
        """Opens what the map holds, if it is proven."""
        return EnvironmentLoader(self.project, self.tools, self.environment, self.config)

    @cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self.tools.online, self.tools.log, self.tools.data_clock, self.tools.ids)

    def fold(self) -> None:
        """Bring the online state of every current view up to the log."""
        self.streams.fold()

    @cached_property
    def streams(self) -> OnlineMaterializer:
        """Online state kept current: `once`, or by a `consumer` continuously."""
        return OnlineMaterializer(self.project, self.tools, self.environment)

    @cached_property
    def tables(self) -> TableMaterializer:
        """Keeps the tables of all sources current."""
        sources = [source.name for source in self.project.declarations.sources]
        return TableMaterializer(sources, log=self.tools.log, tables=self.tools.tables)

    def serve(
        self, port: int = 8000, as_of: str | None = None, *, announce: Callable[[str], None] = print
    ) -> None:
        """Answer over HTTP on the loopback address until the process is stopped.

        Args:
            as_of: where the clock of the data starts, to serve history.
        """
        from mainspring.app.serve import run_environment_server

        tools = self.tools
        if as_of:
            tools = replace(tools, data_clock=OffsetClock(tools.clock, parse_instant(as_of)))
        run_environment_server(
            Workspace(self.project, tools, environment=self.environment, folder=self.folder),
            port=port,
            announce=announce,
        )

    @cached_property
    def monitors(self) -> MonitorRunner:
        """The monitors of this environment: `run` one now, or `run_due`."""
        return MonitorRunner(self.project, self.tools, self.environment)

    @cached_property
    def tokens(self) -> Tokens:
        """Who may ask the server what."""
        return Tokens(
            self.tools.state,
            actor=self.tools.actor,
            project=self.tools.project,
            clock=self.tools.clock,
        )

    def latest_predictions(self, count: int) -> list[str]:
        """The ids of the newest predictions of this environment that the log has, newest last."""
        return self.replays.latest(
            [
                inference_topic(self.environment, endpoint.name)
                for endpoint in self.project.declarations.endpoints
            ],
            count,
        )

    def predict(
        self, endpoint: str, rows: Sequence[Mapping[str, object]] | Mapping[str, object]
    ) -> list[Prediction]:
        """Answer rows, or one, as the server would.  Raises: UnknownEndpoint SRV-001, NotServing
        SRV-003, MissingRequestField FEA-003, WrongRequestType FEA-004.
        """
        host = self.host()
        self.fold()
        return host.predict(
            endpoint, [rows] if isinstance(rows, Mapping) else rows, actor=self.tools.actor
        )

    @cached_property
    def replays(self) -> PredictionReplays:
        """Replays and traces of predictions."""
        return PredictionReplays(self.tools, self.facts_of)

    def replay(self, predictions: Sequence[str]) -> list[ReplayResult]:
        """Recompute predictions, or the one of this id, from log and artifacts.  Raises:
        PredictionUnknown SRV-008 for an id that is not known.
        """
        return self.replays.replay([predictions] if isinstance(predictions, str) else predictions)

    def trace(self, prediction: str) -> PredictionTrace:
        """A replay with its context.  Raises: PredictionUnknown SRV-008."""
        return self.replays.trace(prediction)

    def simulate(
        self,
        *,
        start: str,
        days: int,
        seed: int = 0,
        inject: Sequence[str] = (),
        on_day: Callable[[WindowReport], None] = lambda _: None,
    ) -> SimulationReport:
        """Run days of production on a virtual clock with the deployed model.  Raises:
        UnreadableFault PRJ-060, NoBaseline MON-001, UnknownAsset ACC-006.
        """
        begin = parse_instant(start)
        scenario = scenario_for_environment(
            self.project,
            self.tools,
            self.environment,
            start=begin,
            end=begin + days * DAY,
            seed=seed,
            faults=inject,
        )
        return run_simulation(replace(scenario, on_day=on_day))

    @cached_property
    def sweeper(self) -> GarbageCollector:
        """Tidies up: `plan` what may go, and `sweep` it.  Raises: LeaseHeld FLO-001 while somebody
        is at work.
        """
        return GarbageCollector(self.project, self.tools, self.folder)

    def backup(self, target: Path | str, *, secrets: bool = False) -> BackupReport:
        """Copy state, log and objects as one consistent whole to a folder that does not exist yet.
        Raises: LeaseHeld FLO-001, PlaceTaken FLO-024, NotEmbedded FLO-025.
        """
        return write_backup(self.folder, Path(target), tools=self.tools, secrets=secrets)

    def token(self) -> Path:
        """The file with the owner's token, made on first use.  It can be read by its owner only."""
        assert self.folder is not None, "a workspace in memory has no server and no token"
        path, tools = self.folder / "token", self.tools
        load_or_create_token(
            path, tools.state, actor=tools.actor, project=tools.project, at=tools.clock.now()
        )
        return path
