"""The composition root: configuration becomes objects here and nowhere else, and everything that a
person or a program asks for is a method.

A workspace is one project in one environment.  On disk its state lies in `.mainspring/` beside the
project; in memory nothing is written anywhere.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import polars as pl

from mainspring.access.owner import load_or_create_token
from mainspring.app.compose import (
    OffsetClock,
    approver_signer,
    compose_in_memory,
    compose_on_disk,
    public_keys,
)
from mainspring.app.data_plane import read_status
from mainspring.app.errors import NowhereOnDisk
from mainspring.app.feedback_access import FeedbackAccess
from mainspring.app.maintenance import back_up_workspace, restore_workspace
from mainspring.app.simulation import simulate_environment
from mainspring.elements.actor import parse_actor
from mainspring.elements.arguments import checks_arguments, require_path, require_within
from mainspring.elements.declaration import Named, name_of
from mainspring.elements.foreign_frame import (
    PandasFrame,
    as_polars,
    is_pandas,
)
from mainspring.elements.identity import Digest
from mainspring.elements.time import parse_duration, parse_instant
from mainspring.flow.execute import Observer
from mainspring.govern.audit import (
    AuditReport,
    audit_journal,
    compare_journal,
    read_comparison,
)
from mainspring.govern.lineage import LineageNode, asset_lineage
from mainspring.govern.status import StatusReport
from mainspring.maintenance.backup import BackupReport
from mainspring.maintenance.restore import RestoreReport
from mainspring.monitoring.window import WindowReport
from mainspring.ports.clock import Clock
from mainspring.ports.signer import PublicKey
from mainspring.ports.tls import ServerTlsFiles
from mainspring.project.apply.perform import ApplyReport
from mainspring.project.kinds.evaluation import Runtime, StageProgressCallback
from mainspring.project.kinds.union import asset_name, is_asset
from mainspring.project.plan.explain import render_plan
from mainspring.project.plan.plan import Plan
from mainspring.project.renew import RenewalReport
from mainspring.registry.environment import EnvironmentVersion
from mainspring.registry.read_environment import read_environment
from mainspring.serving.execution.declared import Execution
from mainspring.serving.predict import Prediction
from mainspring.serving.tracing.replay import ReplayResult
from mainspring.serving.tracing.trace import PredictionTrace
from mainspring.simulation.simulate import SimulationReport
from mainspring.sources.compiled import Cell
from mainspring.sources.ingest import IngestReport, SourceRows
from mainspring.sources.quarantine import QuarantinedRow, read_quarantine

__all__ = ["Workspace"]


@checks_arguments
class Workspace(FeedbackAccess):
    """One project in one environment, ready to work.  Stable.

    Open one with `Workspace.open(path, env=...)`, or with nothing on disk with
    `Workspace.in_memory(definitions)`.
    """

    @classmethod
    def open(
        cls,
        path: str | Path = ".",
        env: str = "dev",
        *,
        actor: str = "",
        as_of: str = "",
        trust: str | Path | None = None,
    ) -> "Workspace":
        """The workspace of the project at a folder or file; its state lies in `.mainspring/`.

        Args:
            actor: who acts, such as `person:ada`; default: the user of this process.
            as_of: where the clock of the data starts; default: what the environment's
                configuration says, else now.
            trust: a file of settings outside of the project, in place of its `project.toml`: whom
                this server trusts.  Nothing that the project declares is imported then, and the
                highest releases that were seen are kept beside the file.

        Raises: TrustUnusable ENG-033 for a file that others may write, ProjectErrors PRJ-020 with
            every mistake in `project.toml`, UnknownEnvironment ACC-004, StoreUnreachable ENG-012,
            ProductMissing ENG-013 or SecretMissing ENG-014.  What is declared is loaded when it is
            first needed, or now where nothing was ever applied, and may raise PRJ-020 then.
        """
        trusted = Path(trust) if trust else None
        composed = compose_on_disk(Path(path), env, actor=actor, as_of=as_of, trust=trusted)
        return cls(
            composed.project,
            composed.runtime,
            environment=env,
            folder=composed.folder,
            memory=composed.memory,
        )

    @classmethod
    def in_memory(
        cls, definitions: Iterable[object], env: str = "dev", *, clock: Clock | None = None
    ) -> "Workspace":
        """A workspace of these declarations with nothing on disk; `ingest` pushes to its sources.

        Args:
            clock: of world and data; default: the machine's.

        Raises: ProjectErrors PRJ-020, NothingDeclared PRJ-022, NotADeclaration PRJ-047,
            UnknownEnvironment ACC-004.
        """
        composed = compose_in_memory(definitions, env, clock=clock)
        return cls(composed.project, composed.runtime, environment=env, folder=None)

    def acting_as(self, actor: str) -> "Workspace":
        """The same workspace in the name of another actor, such as `person:grace`: what it does is
        on record as theirs.  Raises: NotAnActor ACC-030.
        """
        return self._with(replace(self.runtime, actor=parse_actor(actor)))

    def _with(self, runtime: Runtime) -> "Workspace":
        return Workspace(
            self._files,
            runtime,
            environment=self.environment,
            folder=self.folder,
            memory=self._memory,
        )

    @staticmethod
    def restore(
        path: str | Path,
        archive: str | Path,
        *,
        actor: str = "",
        digest: str = "",
        trust: Sequence[str] = (),
    ) -> RestoreReport:
        """Bring a backup back into the project at a folder or file, which must have no state yet.

        Args:
            digest: what `backup` returned; it proves as much as a trusted key.
            trust: public keys that may have signed it, beside the testers in `project.toml`.

        Raises: ArchiveDamaged FLO-022, ArchiveForeign FLO-023, ArchiveUnproven FLO-030 without a
            trusted key or a digest, PlaceTaken FLO-024, StoreFailed ENG-001.
        """
        return restore_workspace(Path(path), Path(archive), actor=actor, digest=digest, trust=trust)

    def plan(
        self,
        *,
        data: bool = True,
        delete_missing: bool = False,
        refresh: Sequence[str] = (),
        measure: bool = False,
    ) -> Plan:
        """What would change: of definitions, and of the files of sources.

        Args:
            data: whether files that changed are taken in; else they are listed only.
            delete_missing: whether rows that a file has no more are deleted; else they stay.
            refresh: sources whose files are read anew, in place of all that was read of them;
                pushed rows stay.
            measure: whether to read files that changed and say what they would make of the facts.

        Raises: UnknownAsset ACC-006, FileUnset SRC-034, RawRowsTrimmed SRC-032.
        """
        return self.deployer.plan(
            data=data, delete_missing=delete_missing, refresh=refresh, measure=measure
        )

    def plan_run(self, name: str | Named) -> Plan:
        """What a retraining of an unchanged model would do.  Raises: UnknownAsset ACC-006."""
        return self.deployer.plan_run(name_of(name, "model"))

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
        report = self.deployer.apply(plan or self.plan(), observer=observer, progress=progress)
        self.journal_signer.try_run_due()
        return report

    def run(
        self,
        name: str | Named,
        *,
        observer: Observer | None = None,
        progress: StageProgressCallback = lambda *_: None,
    ) -> ApplyReport:
        """Retrain an unchanged model on the present data, and deploy it if it passes its gates.
        Raises: as `apply`, UnknownAsset ACC-006.
        """
        return self.apply(self.plan_run(name), observer=observer, progress=progress)

    def promote(self, target: str) -> ApplyReport:
        """Promote what is held here.  Raises: as `apply`, NothingToPromote FLO-021."""
        return self.apply(self.plan_promotion(target))

    def point_at(self, version: str) -> EnvironmentVersion:
        """Deploy a version that was made before, if it is proven here.
        Raises: as `apply`, UnknownVersion REG-001, UnknownAsset ACC-006.
        """
        self.apply(self.plan_pointing(version))
        return read_environment(self.runtime.state, self.environment)

    def rollback(self) -> EnvironmentVersion:
        """Restore the previous version.  Raises: as `apply`, NothingToRollBack FLO-020."""
        self.apply(self.plan_rollback())
        return read_environment(self.runtime.state, self.environment)

    def approve(self, model: str | Named, target: str) -> Digest:
        """Approve the version here for a target environment, in the name of this workspace's actor.
        Raises: SelfApproval GAT-004, NotAPerson GAT-005, UnknownEnvironment ACC-004, UnknownAsset
            ACC-006.
        """
        return self.deployer.approve(name_of(model, "model"), target, approver_signer(self.folder))

    def renew_gates(self, *, all_retained: bool = False, within: str = "") -> RenewalReport:
        """Judge every model of the map again by the gates in force, and sign new statements.

        Args:
            all_retained: the models of the earlier maps that a rollback can lead to, too.
            within: a length of time such as `14d`: only what is not proven for longer.

        Raises: DefinitionMissing REG-006, DefinitionTampered REG-008, LeaseHeld FLO-001.
        """
        due = parse_duration(within) if within else None
        return self.gate_renewal.renew(all_retained=all_retained, within=due)

    def public_keys(self) -> dict[str, PublicKey]:
        """The public half of each key that signs here, by role."""
        return public_keys(self.folder, self.runtime.signer, self.runtime.releaser)

    def status(self) -> StatusReport:
        """What the environment holds."""
        return read_status(self.runtime, self.environment, self.config, self.status_ports)

    def audit(self, *, kind: str = "", last: int = 50) -> AuditReport:
        """The journal, checked by its chain and its checkpoints.  Cost: about 10 µs an event."""
        require_within(last, 0, sys.maxsize, method="audit", argument="last")
        return audit_journal(self.runtime.state, kind=kind, last=last, trust=self.audit_trust)

    def audit_against(self, path: str | Path) -> AuditReport:
        """The journal, compared with a checkpoint, a folder of them, or an audit as JSON that was
        kept elsewhere.  Raises: CheckpointUnreadable FLO-051.
        """
        against = read_comparison(Path(path))
        return compare_journal(self.runtime.state, against, trust=self.audit_trust)

    def lineage(self, asset: str | Named) -> LineageNode:
        """From an asset to the raw files; of assets with one name, such as a model and its
        endpoint, the last made is meant.  Raises: UnknownAsset ACC-006.
        """
        current = read_environment(self.runtime.state, self.environment)
        name = asset_name(asset) if is_asset(asset) else name_of(asset, "asset")
        return asset_lineage(name, current, state=self.runtime.state)

    def ingest(
        self,
        source: str | Named,
        rows: SourceRows | Mapping[str, Cell] | PandasFrame | Path | str,
        *,
        history: bool = False,
        op: str = "",
    ) -> IngestReport:
        """Take rows, or a file by its path, through the contract into the log, and fold the log
        into the table.

        Args:
            rows: mappings, one mapping, or a frame of Polars or pandas; or a path.
            history: the rows tell of the past: they become visible when they say they were known,
                and not now.
            op: `replace` or `delete`, for corrections of facts that were accepted before.

        Raises: UnknownAsset ACC-006, a SourceError SRC-001 to SRC-006.
        """
        if isinstance(rows, Path | str):
            require_path(rows, method="ingest", argument="rows")
            path = Path(rows)
            root = self.folder and self.folder.parent
            return self._write_to(
                source, lambda writer: writer.write_path(path, history=history, op=op, root=root)
            )
        is_foreign = is_pandas(rows) or isinstance(rows, pl.LazyFrame)
        taken = as_polars(rows) if is_foreign else rows
        taken = cast("SourceRows", [taken] if isinstance(taken, Mapping) else taken)
        return self._write_to(
            source, lambda writer: writer.write_rows(taken, history=history, op=op)
        )

    def quarantine(self, source: str | Named) -> list[QuarantinedRow]:
        """The rows of a source that are in quarantine, in the order in which they came.  Raises:
        UnknownAsset ACC-006.  Cost: reads the whole quarantine.
        """
        return read_quarantine(self.source(source).stream, self.runtime.log)

    def release(self, source: str | Named, rows: Sequence[int] = ()) -> IngestReport:
        """Accept rows from quarantine although they came late or contradict what stands; each is
        visible from now on.

        Args:
            rows: their numbers, as `quarantine` gives them; empty for all that can be released.

        Raises: UnknownAsset ACC-006, NotInQuarantine SRC-035, NotReleasable SRC-036.
        """
        return self._write_to(source, lambda writer: writer.release_rows(rows))

    def drop(self, source: str | Named, rows: Sequence[int] = ()) -> IngestReport:
        """Take rows out of quarantine for good: no later definition brings them back.

        Args:
            rows: their numbers, as `quarantine` gives them; empty for all.

        Raises: UnknownAsset ACC-006, NotInQuarantine SRC-035.
        """
        return self._write_to(source, lambda writer: writer.drop_rows(rows))

    def materialize(self) -> None:
        """Bring the online state of every view that is kept current up to the log."""
        self.streams.materialize()

    def serve(
        self,
        port: int = 8000,
        as_of: str | None = None,
        *,
        hosts: Sequence[str] = (),
        tls: ServerTlsFiles | None = None,
        access_log: Path | str = "",
        execution: Execution | None = None,
        traces: str = "",
        announce: Callable[[str], None] = print,
    ) -> None:
        """Answer over HTTP on the loopback address until the process is stopped.

        Args:
            as_of: where the clock of the data starts, to serve history.
            hosts: names that callers may know the server by, beside those of this machine: a
                request to another one is refused.
            tls: in place of the files that the settings of the environment name.
            access_log: a file that gets a line of JSON for each call, or `-` for standard output.
            execution: where models compute, in place of what the settings of the environment say.
            traces: the address of a collector of OpenTelemetry, in place of the one that the
                settings name.

        Raises: PortTaken SRV-030, TlsFileUnusable SRV-054, TlsKeyExposed SRV-055,
            AccessLogUnusable SRV-057, TracesNotInstalled SRV-058, TracesUnusable SRV-059,
            NowhereOnDisk ACC-020 for a workspace in memory; SRV-120 to SRV-122 where no model can
            compute as declared.
        """
        from mainspring.app.serve import run_environment_server

        require_within(port, 0, 65_535, method="serve", argument="port")
        if self.folder is None:
            raise NowhereOnDisk(what="server")
        runtime = self.runtime
        if as_of:
            runtime = replace(runtime, data_clock=OffsetClock(runtime.clock, parse_instant(as_of)))
        declared = self.config.tls.within(self.folder.parent) if self.config.tls else None
        serving = self._with(runtime)
        if execution is not None:
            serving.config = replace(serving.config, execution=execution)
        run_environment_server(
            serving,
            port=port,
            announce=announce,
            hosts=hosts,
            tls=tls or declared,
            access_log=str(access_log),
            traces=traces,
            declared_traces=self.config.traces,
        )

    def latest_predictions(self, count: int) -> list[str]:
        """The ids of the newest predictions of this environment that the log has, newest last."""
        require_within(count, 0, sys.maxsize, method="latest_predictions", argument="count")
        return self.replays.latest(self.environment, count)

    def replay(
        self, predictions: str | Prediction | Sequence[str | Prediction]
    ) -> list[ReplayResult]:
        """Recompute predictions, or the one of this id, from log and artifacts.  Raises:
        PredictionUnknown SRV-008 for an id that is not known.
        """
        given = [predictions] if isinstance(predictions, str | Prediction) else predictions
        return self.replays.replay([_id_of(each) for each in given])

    def trace(self, prediction: str | Prediction) -> PredictionTrace:
        """A replay with its context.  Raises: PredictionUnknown SRV-008."""
        return self.replays.trace(_id_of(prediction))

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
        UnreadableFault PRJ-060, NoBaseline MON-001, ModelRefused SRV-002.
        """
        require_within(days, 1, 3_660, method="simulate", argument="days")
        return simulate_environment(
            self.proven,
            self.environment,
            start=parse_instant(start),
            days=days,
            seed=seed,
            inject=inject,
            on_day=on_day,
            require_proven=self.loader.require_proven,
        )

    def backup(self, target: Path | str, *, secrets: bool = False) -> BackupReport:
        """Copy state, log and objects as one consistent whole to a folder that does not exist yet.
        Raises: LeaseHeld FLO-001, PlaceTaken FLO-024, NotEmbedded FLO-025.
        """
        return back_up_workspace(self.runtime, self.folder, Path(target), secrets=secrets)

    def token(self) -> Path:
        """The file with the owner's token, made on first use.  It can be read by its owner only.

        One token is for all environments that are not protected, and each protected one has its
        own, in `tokens/`.  Raises: NowhereOnDisk ACC-020 for a workspace in memory,
        SecretFileRefused ACC-034 where the file cannot be made.
        """
        if self.folder is None:
            raise NowhereOnDisk(what="token")
        configured, is_own = self.project_config.environments, self.config.protected
        path = self.folder / "tokens" / self.environment if is_own else self.folder / "token"
        unprotected = [name for name, config in configured.items() if not config.protected]
        load_or_create_token(
            path,
            self.runtime.state,
            self.tokens,
            actor=self.runtime.actor,
            environments=[self.environment] if is_own else unprotected,
            at=self.runtime.clock.now(),
        )
        return path


def _id_of(prediction: str | Prediction) -> str:
    return (
        prediction.id if isinstance(prediction, Prediction) else name_of(prediction, "prediction")
    )
