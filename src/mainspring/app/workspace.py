"""The composition root: configuration becomes objects here and nowhere else, and everything that a person or a program asks for is a method.

A workspace is one project in one environment.  On disk its state lies in `.mainspring/` beside the project; in memory nothing is written anywhere.
"""

import getpass
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path

import polars as pl

from mainspring.app import access
from mainspring.app.endpoints.host import Host
from mainspring.app.endpoints.replays import Replays
from mainspring.app.endpoints.revisions import Loader
from mainspring.app.endpoints.story import Story
from mainspring.app.engines import open_stores
from mainspring.app.errors import UnknownAsset
from mainspring.app.features.feature_views import FeatureViews
from mainspring.app.features.parity import ParityRuns
from mainspring.app.features.spine import asked_at, asked_keys, asked_spine
from mainspring.app.keep.backup import BackupReport, back_up
from mainspring.app.keep.sweep import Sweeper
from mainspring.app.lifecycle import ApplyReport, Lifecycle
from mainspring.app.models.exporters import export_model
from mainspring.app.models.scorers import OnnxScorers
from mainspring.app.models.trainer import ProcessTrainer
from mainspring.app.planning import STATE_FOLDER, environment_config, state_folder
from mainspring.app.simulation.scenario import scenario_of
from mainspring.app.simulation.simulate import SimulationReport, simulate
from mainspring.app.status import StatusReport, status_of_environment
from mainspring.app.stream.open import catch_up
from mainspring.app.stream.ready import ReadyMaps
from mainspring.app.stream.streams import Streams
from mainspring.app.watching import MonitorRuns
from mainspring.datasets.build import decode_rows
from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.events import Actor, Event, Fact, ProjectName
from mainspring.elements.identity import Digest
from mainspring.elements.schema import Schema
from mainspring.elements.time import DAY, Micros, parse_instant
from mainspring.engines.local.clock import RandomIds, SystemClock
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.local.signer import Ed25519Verifier, FileSigner
from mainspring.engines.local.state import SqliteState
from mainspring.engines.local.tables import MemoryTables
from mainspring.features.history.gather import backfill_from
from mainspring.features.online.read import FeatureRows, read_online
from mainspring.features.view import CompiledView, with_lookups
from mainspring.flow.execute import Observer
from mainspring.govern.audit import AuditReport, audit
from mainspring.govern.lineage import LineageNode, trace
from mainspring.monitoring.window import WindowReport
from mainspring.ports.clock import Clock
from mainspring.ports.signer import PublicKey
from mainspring.project.declared.definition import compile_declared
from mainspring.project.declared.load import Project, load_definitions, load_project
from mainspring.project.environment import EnvironmentMap
from mainspring.project.performed.perform import Progress
from mainspring.project.performed.read import read_environment
from mainspring.project.performed.tools import Scratch, Tools
from mainspring.project.planned.explain import render_plan
from mainspring.project.planned.plan import Plan
from mainspring.registry.read import find_version
from mainspring.serving.inference_log import inference_topic
from mainspring.serving.predict import Prediction, Predictor
from mainspring.serving.replay import Replay
from mainspring.sources.facts import read_facts
from mainspring.sources.fold import fold_table
from mainspring.sources.ingest import CompiledSource, IngestReport, Rows, ingest_file, ingest_rows
from mainspring.sources.spec import Source
from mainspring.sources.topic import topic_of
from mainspring.training.fit import Toolchain
from mainspring.training.outcome import TrainedModel
from mainspring.training.spec import Model
from mainspring.training.train import train_in_memory

__all__ = ["STATE_FOLDER", "OpenWorkspace", "memory_workspace", "open_workspace"]

_WORTH_A_COMMIT = 1_000


class OffsetClock:
    """A clock moved to another time, running on from there: for an environment that looks at history."""

    def __init__(self, clock: Clock, starts_at: Micros) -> None:
        self._clock, self._offset = clock, starts_at - clock.now()

    def now(self) -> Micros:
        """The present instant there."""
        return self._clock.now() + self._offset


def open_workspace(path: Path, env: str = "dev", *, actor: str = "", as_of: str = "") -> "OpenWorkspace":
    """The workspace of the project at a folder or file.

    Args:
        actor: who acts; default: the user of this process.
        as_of: where the clock of the data starts; default: what the environment's configuration says, else now.

    Raises: PRJ-020 with every mistake in the project, ACC-004 for an unknown environment, ENG-012 to ENG-014 for an engine that cannot be opened.
    """
    project = load_project(path)
    config = environment_config(project, env)
    folder = state_folder(path)
    clock, stores = SystemClock(), open_stores(config.engines, folder, project=project.config.name)
    moment = as_of or config.as_of
    tools = Tools(
        project=ProjectName(project.config.name),
        actor=Actor(actor or f"person:{getpass.getuser()}"),
        state=SqliteState(folder / "state.db", ProjectName(project.config.name), clock=clock),
        log=stores.log,
        tables=stores.tables,
        online=stores.online,
        objects=stores.objects,
        trainer=ProcessTrainer(path.resolve(), stores.objects, folder=folder),
        scorers=OnnxScorers(),
        signer=FileSigner.load_or_create(folder / "keys" / "tester"),
        verifier=Ed25519Verifier(),
        clock=clock,
        data_clock=OffsetClock(clock, parse_instant(moment)) if moment else clock,
        ids=RandomIds(clock),
        scratch=_scratch,
    )
    return OpenWorkspace(project, tools, environment=env, folder=folder)


def memory_workspace(definitions: Iterable[object], env: str = "dev", *, clock: Clock | None = None) -> "OpenWorkspace":
    """A workspace of these declarations with nothing on disk.

    Args:
        clock: of world and data; default: the machine's.
    """
    project = load_definitions(definitions)
    environment_config(project, env)
    clock, objects = clock or SystemClock(), MemoryObjects()
    tools = Tools(
        project=ProjectName(project.config.name),
        actor=Actor(f"person:{getpass.getuser()}"),
        state=SqliteState(None, ProjectName(project.config.name), clock=clock),
        log=SqliteLog(None),
        tables=MemoryTables(),
        online=SqliteOnline(None),
        objects=objects,
        trainer=partial(_train_here, objects=objects),
        scorers=OnnxScorers(),
        signer=FileSigner.in_memory(),
        verifier=Ed25519Verifier(),
        clock=clock,
        data_clock=clock,
        ids=RandomIds(clock),
        scratch=_scratch,
    )
    return OpenWorkspace(project, tools, environment=env, folder=None)


def _scratch() -> Scratch:
    return Scratch(SqliteLog(None), SqliteOnline(None))


def _train_here(model: Model, card: TrainingSetCard, *, fingerprint: Digest, code: Digest, objects: MemoryObjects) -> TrainedModel:
    tools = Toolchain(objects=objects, export=export_model, scorers=OnnxScorers())
    return train_in_memory(model, decode_rows(objects.read(card.digest)), card, tools=tools, fingerprint=fingerprint, code=code)


class OpenWorkspace:
    """One project in one environment, ready to work.  Stable.

    Args:
        folder: where its state lies; None in memory.
    """

    def __init__(self, project: Project, tools: Tools, *, environment: str, folder: Path | None) -> None:
        self.project, self.tools, self.environment, self.folder = project, tools, environment, folder
        self._folded_to: dict[str, int] = {}
        config = project.config.environments[environment]
        if not config.protected:
            # The owner of the disk can forge everything here anyway: one local key means "tested", never "approved".
            trusted = (*config.trust.get("tester", ()), tools.signer.public_key)
            config = replace(config, trust={**config.trust, "tester": trusted})
        self.config = config

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """Plan, apply, run, promote, roll back."""
        return Lifecycle(self.project, self.tools, self.environment)

    def plan(self) -> Plan:
        """What would change."""
        return self.lifecycle.plan()

    def explain(self, plan: Plan) -> str:
        """The plan as text for people; what `mainspring plan` prints."""
        return render_plan(plan)

    def apply(self, plan: Plan | None = None, *, observer: Observer | None = None, progress: Progress = lambda *_: None) -> ApplyReport:
        """Make the plan so (default: the plan of now).  Raises: GAT-010 when a gate is not passed, ACC-005 in a protected environment."""
        return self.lifecycle.apply(plan or self.plan(), observer=observer, progress=progress)

    def run(self, name: str, *, observer: Observer | None = None, progress: Progress = lambda *_: None) -> ApplyReport:
        """Retrain an unchanged model on the data of now, and move the pointer through the gates.  Raises: GAT-010."""
        return self.lifecycle.run(name, observer=observer, progress=progress)

    def promote(self, target: str) -> ApplyReport:
        """Let another environment hold what this one holds.  Raises: SRV-002 with all that is not proven for it."""
        environment_config(self.project, target)
        return self.lifecycle.promote(target)

    def point_at(self, version: str) -> EnvironmentMap:
        """Put a version that was made before in charge of its model, if it is proven here.  Raises: REG-001, SRV-002, ACC-006."""
        return self.lifecycle.point_at(find_version(self.tools.state, version).model, version)

    def rollback(self) -> EnvironmentMap:
        """Restore the map before the present one.  Raises: FLO-020."""
        return self.lifecycle.rollback()

    def approve(self, model: str, target: str) -> Digest:
        """Approve the version here for a target environment, in the name of this workspace's actor.  Raises: GAT-004, GAT-005."""
        environment_config(self.project, target)
        signer = FileSigner.load_or_create(self.folder / "keys" / "approver") if self.folder else FileSigner.in_memory()
        return self.lifecycle.approve(model, target, signer)

    def public_keys(self) -> dict[str, PublicKey]:
        """The public half of each key that signs here, by role; private halves never leave their files."""
        approver = self.folder / "keys" / "approver" if self.folder else None
        keys = {"tester": self.tools.signer.public_key}
        return keys | ({"approver": FileSigner.load_or_create(approver).public_key} if approver and approver.exists() else {})

    def status(self) -> StatusReport:
        """What the environment holds."""
        return status_of_environment(self.project, self.tools, self.environment, config=self.config)

    def audit(self, *, kind: str = "", last: int = 50) -> AuditReport:
        """The journal, checked.  Cost: about 10 µs an event."""
        return audit(self.tools.state, kind=kind, last=last)

    def lineage(self, asset: str) -> LineageNode:
        """From an asset to the raw files; of assets with one name, such as a model and its endpoint, the last made is meant.  Raises: ACC-006."""
        graph, current = self.project.graph, read_environment(self.tools.state, self.environment)
        name = asset if asset in graph.assets else next((a for a in reversed(tuple(graph.assets)) if a.partition(".")[2] == asset), "")
        if not name:
            raise UnknownAsset(kind="asset", name=asset, known=", ".join(graph.assets))
        parents = {each.name: each.parents for each in graph.assets.values()}
        files = {source.name: source.path for source in self.project.declarations.sources if source.path}
        parents |= {f"source.{source}": (f"file {path}",) for source, path in files.items()}
        digests = {pointer.asset: pointer.build_digest for pointer in current.pointers.values()}
        return trace(name, parents=parents, digests=digests, journal=list(self.tools.state.iter_events(kind="build.made")))

    def source(self, name: str) -> Source:
        """A declared source.  Raises: ACC-006."""
        found = self.project.source(name)
        if found is None:
            raise UnknownAsset(kind="source", name=name, known=", ".join(source.name for source in self.project.declarations.sources))
        return found

    def ingest(self, source: str, rows: Rows | Path | str, *, history: bool = False, op: str = "") -> IngestReport:
        """Take rows, or a file by its path, through the contract into the log, and fold the log into the table.

        Args:
            history: the rows tell of the past: they become visible when they say they were known, and not now.
            op: `replace` or `delete`, for corrections of facts that were accepted before.

        Raises: ACC-006, SRC-001 to SRC-005.
        """
        declared = self.source(source)
        if isinstance(rows, Path | str):
            schema, log, clock = self.project.schemas[source], self.tools.log, self.tools.data_clock
            report = ingest_file(declared, schema, path=Path(rows), log=log, clock=clock, tables=self.tools.tables, history=history, op=op)
            self._record_ingest(source, report, self.tools.actor)
        else:
            report = self.push(source, rows, history=history, op=op)
        fold_table(topic_of(source), log=self.tools.log, tables=self.tools.tables)
        return report

    def push(self, source: str, rows: Rows, *, history: bool = False, op: str = "", actor: Actor | None = None) -> IngestReport:
        """As `ingest`, without folding the table: for many small batches.

        Args:
            actor: who brings the rows; default: the actor of this workspace.
        """
        self.source(source)
        tools, compiled = self.tools, self._compiled_sources[source]
        if not isinstance(rows, pl.DataFrame):
            compiled.require_rows(rows)
        operations = [op] * len(rows) if op else None
        report = ingest_rows(compiled, rows, log=tools.log, clock=tools.data_clock, tables=tools.tables, history=history, operations=operations)
        self._record_ingest(source, report, actor or self.tools.actor)
        return report

    def _record_ingest(self, source: str, report: IngestReport, actor: Actor) -> None:
        """Say in the journal who brought which records; of a call that changed nothing there is nothing to say."""
        facts: dict[str, Fact] = {"accepted": report.accepted, "revised": report.revised, "deleted": report.deleted}
        facts |= {"quarantined": sum(report.quarantined.values()), "first_offset": report.first_offset, "next_offset": report.next_offset}
        if any((report.accepted, report.revised, report.deleted, report.quarantined)):
            at, project = self.tools.clock.now(), self.tools.project
            event = Event(kind="facts.taken", project=project, actor=actor, at=at, subject=f"source.{source}", environment=self.environment, facts=facts)
            self.tools.state.commit([], [event])

    @cached_property
    def _compiled_sources(self) -> dict[str, CompiledSource]:
        return {source.name: CompiledSource(source, self.project.schemas[source.name]) for source in self.project.declarations.sources}

    def facts_of(self, source: Source, schema: Schema | None = None) -> pl.DataFrame:
        """All facts of a source with the span in which each is seen; in the types of a schema where the source has had several."""
        return read_facts(source, log=self.tools.log, tables=self.tools.tables, schema=schema)

    def view(self, name: str) -> CompiledView:
        """A feature view, compiled: as this environment holds it, and as it is declared only where it holds none of that name.  Raises: ACC-006."""
        held = self.streams.kept.held()
        if name in held:
            return held[name]
        declared = next((view for view in self.project.declarations.views if view.name == name), None)
        if declared is None:
            raise UnknownAsset(kind="feature view", name=name, known=", ".join(self._view_names()))
        return compile_declared(self.project, declared, partitions=self.config.partitions)

    def views(self) -> list[CompiledView]:
        """Every feature view that is declared or held here."""
        return [self.view(name) for name in self._view_names()]

    def _views_of(self, names: Sequence[str]) -> list[CompiledView]:
        return [self.view(name) for name in ([names] if isinstance(names, str) else names)]

    def _view_names(self) -> list[str]:
        """In the order in which they are declared, then those that this environment still holds."""
        return list(dict.fromkeys([*(view.name for view in self.project.declarations.views), *sorted(self.streams.kept.held())]))

    def get_historical_features(self, features: Sequence[str], *, spine: pl.DataFrame) -> pl.DataFrame:
        """Features of these views for every row of the spine, point-in-time correct, in its order; no row is dropped.

        Args:
            features: names of feature views, which answer as this environment holds them: what is edited and not applied yet is not asked.
            spine: join keys, and `prediction_time`: timestamps (without a zone: UTC), ISO 8601 text or int64 microseconds.

        Raises: ACC-006, FEA-010 for a column that is missing or of another type.
        """
        views = self._views_of(features)
        asked = asked_spine(spine, views)
        return pl.concat([spine, *(backfill_from(view, self.facts_of, asked) for view in views)], how="horizontal")

    def get_online_features(
        self, features: Sequence[str], *, keys: Sequence[Mapping[str, object]] | pl.DataFrame, at: Micros | str | datetime | None = None, reasons: bool = False
    ) -> FeatureRows:
        """Features of these views for each key, from online state, at the clock's now or (exact or refused) at another time.

        Args:
            keys: the join keys of each row.
            reasons: say also, for each row and `view.entity`, whether its key is known and a fact in its window: `FeatureRows.reasons`.

        Returns: values as models take them: instants and lengths of time are int64 microseconds.

        Raises: FEA-002 when that time lies before what is kept, FEA-003, FEA-004 for a missing join key or one of another type, FEA-011 for the future, FEA-012
            where two views give a column of one name, FEA-013 for a view with hindsight.
        """
        views = self._views_of(features)
        now, rows = self.tools.data_clock.now(), asked_keys(keys, views)
        for view in with_lookups(views):
            catch_up(view, self.tools)
        return read_online(views, self.tools.online, rows, at=[asked_at(at, now=now)] * len(rows), reasons=reasons)

    @cached_property
    def parity(self) -> ParityRuns:
        """Compares what was told while serving with the log: `test` it now, or `run_due`."""
        return ParityRuns(self.project, self.tools, self.environment, rate=self.config.parity, views=self.views)

    @cached_property
    def feature_views(self) -> FeatureViews:
        """The feature views and their state: `report` on all, `show` one, `backfill` a file of questions."""
        return FeatureViews(self.project, self.tools, self.environment, view=self.view, views=self.views)

    def host(self) -> Host:
        """The endpoints of this environment, answering; `refresh` follows the map."""
        maps = ReadyMaps(self.loader.load, self.streams.kept, self.tools)
        host = Host(maps.load, self._predictor, environment=self.environment, clock=self.tools.data_clock, ids=self.tools.ids)
        host.refresh()
        return host

    @cached_property
    def loader(self) -> Loader:
        """Opens what the map holds, if it is proven."""
        return Loader(self.project, self.tools, self.environment, self.config)

    @cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self.tools.online, self.tools.log, self.tools.data_clock, self.tools.ids)

    def fold(self) -> None:
        """Bring the online state of every view that is kept current up to the log."""
        self.streams.fold()

    @cached_property
    def streams(self) -> Streams:
        """Online state kept current: `once`, or by a `consumer` continuously."""
        return Streams(self.project, self.tools, self.environment)

    def fold_tables(self) -> None:
        """Fold the log into the tables where a thousand records wait; a table takes one commit for many of them."""
        for source in self.project.declarations.sources:
            topic = topic_of(source.name)
            if topic not in self._folded_to:
                # A table's position costs 2 ms to read, and a server asks 50 times a second; it only grows, so the last one seen is a safe bound.
                self._folded_to[topic] = self.tools.tables.position(topic)
            if self.tools.log.head(topic) - self._folded_to[topic] >= _WORTH_A_COMMIT:
                self._folded_to[topic] = fold_table(topic, log=self.tools.log, tables=self.tools.tables)

    def serve(self, port: int = 8000, as_of: str | None = None, *, announce: Callable[[str], None] = print) -> None:
        """Answer over HTTP on the loopback address until the process is asked to stop.

        Args:
            as_of: where the clock of the data starts, to serve history.
        """
        from mainspring.app.serve import serve

        tools = replace(self.tools, data_clock=OffsetClock(self.tools.clock, parse_instant(as_of))) if as_of else self.tools
        serve(OpenWorkspace(self.project, tools, environment=self.environment, folder=self.folder), port=port, announce=announce)

    @cached_property
    def monitors(self) -> MonitorRuns:
        """The monitors of this environment: `run` one now, or `run_due`."""
        return MonitorRuns(self.project, self.tools, self.environment)

    @cached_property
    def tokens(self) -> access.Tokens:
        """Who may ask the server what."""
        return access.Tokens(self.tools.state, actor=self.tools.actor, project=self.tools.project, clock=self.tools.clock)

    def latest_predictions(self, count: int) -> list[str]:
        """The ids of the newest predictions of this environment that the log keeps, newest last."""
        return self.replays.latest([inference_topic(self.environment, endpoint.name) for endpoint in self.project.declarations.endpoints], count)

    def predict(self, endpoint: str, rows: Sequence[Mapping[str, object]] | Mapping[str, object]) -> list[Prediction]:
        """Answer rows, or one, as the server would.  Raises: SRV-001, SRV-003, FEA-003, FEA-004."""
        host = self.host()
        self.fold()
        return host.predict(endpoint, [rows] if isinstance(rows, Mapping) else rows, actor=self.tools.actor)

    @cached_property
    def replays(self) -> Replays:
        """Predictions recomputed, and their stories."""
        return Replays(self.tools, self.facts_of)

    def replay(self, predictions: Sequence[str]) -> list[Replay]:
        """Recompute predictions, or the one of this id, from log and artifacts.  Raises: SRV-008 for an id that is not known."""
        return self.replays.replay([predictions] if isinstance(predictions, str) else predictions)

    def story(self, prediction: str) -> Story:
        """A replay with everything around it.  Raises: SRV-008."""
        return self.replays.story(prediction)

    def simulate(
        self, *, start: str, days: int, seed: int = 0, inject: Sequence[str] = (), on_day: Callable[[WindowReport], None] = lambda _: None
    ) -> SimulationReport:
        """Run days of production on a virtual clock with the model in charge here.  Raises: PRJ-060, NoBaseline MON-001, ACC-006."""
        begin = parse_instant(start)
        scenario = scenario_of(self.project, self.tools, self.environment, start=begin, end=begin + days * DAY, seed=seed, faults=inject)
        return simulate(replace(scenario, on_day=on_day))

    @cached_property
    def sweeper(self) -> Sweeper:
        """Tidies up: `plan` what may go, and `sweep` it.  Raises: FLO-001 while somebody is at work."""
        return Sweeper(self.project, self.tools, self.folder)

    def backup(self, target: Path | str, *, secrets: bool = False) -> BackupReport:
        """Copy state, log and objects as one consistent whole to a folder that does not exist yet.  Raises: FLO-001, FLO-024, FLO-025."""
        return back_up(self.folder, Path(target), tools=self.tools, secrets=secrets)

    def token(self) -> Path:
        """The file with the owner's token, made on first use.  It can be read by its owner only."""
        assert self.folder is not None, "a workspace in memory has no server and no token"
        path, tools = self.folder / "token", self.tools
        access.load_or_create_token(path, tools.state, actor=tools.actor, project=tools.project, at=tools.clock.now())
        return path
