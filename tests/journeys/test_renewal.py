"""Proofs of what serves: what takes their place, what does not, and how they are signed anew."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from mainspring.app.cli import command_line
from mainspring.app.cli.create import create_project
from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.workspace import Workspace
from mainspring.elements.errors import RecordUnreadable
from mainspring.elements.stored import render_stored
from mainspring.elements.time import DAY
from mainspring.gates import min_metric
from mainspring.gates.attest import (
    AttestationBinding,
    AttestationWriter,
    read_envelopes,
    sign_verdicts,
)
from mainspring.gates.attestation import parse_statement
from mainspring.gates.judge import required_gates
from mainspring.gates.verdict import Verdict
from mainspring.ports.state import Change
from mainspring.project.apply.judge import judge_version
from mainspring.project.errors import GatesFailed
from mainspring.registry.environment import definition_key
from mainspring.registry.read import find_version
from mainspring.registry.read_environment import read_definition, read_environment
from tests.copies import copied_tree

pytestmark = pytest.mark.journey

AS_OF = "2024-03-28T18:00:00Z"
GATE = 'min_metric("roc_auc", {})'


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that serves one version in dev and in staging, which is protected."""
    folder = tmp_path_factory.mktemp("promoted") / "project"
    folder.mkdir()
    create_project(folder, "deliveries")
    workspace = Workspace.open(folder, as_of=AS_OF)
    workspace.apply()
    workspace.promote("staging")
    return folder


@pytest.fixture
def project(promoted: Path, tmp_path: Path) -> Path:
    return copied_tree(promoted, tmp_path / "project")


@pytest.fixture
def opened(project: Path) -> Callable[..., Workspace]:
    """Opens an environment, after setting the gate of the declarations."""

    def opened(env: str = "dev", *, bound: str = "0.75") -> Workspace:
        path = project / "deliveries.py"
        head, _, tail = path.read_text().partition('min_metric("roc_auc", ')
        path.write_text(head + GATE.format(bound) + tail.partition(")")[2])
        return Workspace.open(project, env, as_of=AS_OF)

    return opened


def is_attested(workspace: Workspace) -> bool:
    [endpoint] = workspace.status().endpoints
    return endpoint.attested


def serves(workspace: Workspace) -> bool:
    """Whether a server that starts now takes the model of the map."""
    endpoint = workspace.host().endpoint("late-delivery")
    return endpoint.current is not None and not endpoint.refusal


def issued(workspace: Workspace) -> set[int]:
    """When the statements on file were made."""
    version = find_version(workspace.runtime.state, "late_delivery")
    envelopes = read_envelopes(
        workspace.runtime.state,
        workspace.runtime.objects,
        environment=workspace.environment,
        version=version.digest,
    )
    return {parse_statement(envelope.payload).predicate.issued_at for envelope in envelopes}


def age(workspace: Workspace) -> None:
    """Put statements in place of those on file that were made ninety-one days ago."""
    tools = workspace.runtime
    pointer = read_environment(tools.state, workspace.environment).pointers["model.late_delivery"]
    version = find_version(tools.state, "late_delivery")
    [model] = workspace.project.declarations.models
    then = tools.clock.now() - 91 * DAY
    names = tuple(gate.name for gate in required_gates(model.gates))
    sign_verdicts(
        [
            Verdict(gate=name, passed=True, summary="", subject=version.digest, at=then)
            for name in names
        ],
        AttestationBinding(
            version=version,
            policy=pointer.policy_fingerprint,
            environment=workspace.environment,
            required_gates=names,
        ),
        AttestationWriter(
            signer=tools.signer,
            state=tools.state,
            objects=tools.objects,
            project=tools.project,
            actor=tools.actor,
        ),
    )


def test_a_refused_promotion_under_stricter_gates_leaves_what_serves_proven(
    opened: Callable[..., Workspace],
) -> None:
    staging = opened("staging")
    version = find_version(staging.runtime.state, "late_delivery").digest
    verdicts = judge_version(
        [min_metric("roc_auc", 0.99)],
        version,
        runtime=staging.runtime,
        environment="staging",
        policy=msgspec.convert("sha256:" + "0" * 64, type(version)),
        champion=version,
    )
    assert not all(verdict.passed for verdict in verdicts)
    assert is_attested(staging)
    assert serves(opened("staging"))


def test_edited_gates_count_for_a_promotion_once_they_are_applied(
    opened: Callable[..., Workspace],
) -> None:
    assert opened(bound="0.99").promote("staging").verdicts
    assert is_attested(opened("staging"))
    assert serves(opened("staging"))


def test_a_rollback_after_refused_gates_leads_to_what_is_proven(
    opened: Callable[..., Workspace],
) -> None:
    assert opened(bound="0.74").apply().moved
    with pytest.raises(GatesFailed):
        opened(bound="0.99").apply()
    dev = opened()
    assert is_attested(dev)
    dev.rollback()
    assert is_attested(dev)
    assert dev.plan().is_empty


def test_proofs_that_ran_out_are_renewed(opened: Callable[..., Workspace]) -> None:
    staging = opened("staging")
    age(staging)
    assert not is_attested(staging)
    assert not serves(staging)
    report = staging.renew_gates()
    assert report.is_proven
    assert [model.model for model in report.models] == ["late_delivery v1"]
    assert is_attested(staging)
    assert serves(opened("staging"))
    assert read_environment(staging.runtime.state, "staging").version == 1


def test_a_dry_run_names_the_models_and_judges_nothing(opened: Callable[..., Workspace]) -> None:
    staging = opened("staging")
    before = issued(staging)
    [model] = staging.gate_renewal.plan().models
    assert (model.model, model.champion) == ("late_delivery v1", None)
    assert model.gates[:2] == ("no_leakage", "parity")
    assert issued(staging) == before


def test_what_is_held_is_renewed_whatever_the_files_say(opened: Callable[..., Workspace]) -> None:
    staging = opened("staging", bound="0.99")
    age(staging)
    assert staging.renew_gates().is_proven
    assert is_attested(staging)


def test_a_definition_that_was_edited_in_the_state_is_no_policy(
    opened: Callable[..., Workspace],
) -> None:
    staging = opened("staging")
    state = staging.runtime.state
    pointer = read_environment(state, "staging").pointers["model.late_delivery"]
    definition = read_definition(state, pointer)
    assert definition is not None
    weaker = msgspec.structs.replace(definition, policy={"gates": "[]"})
    key = definition_key(pointer.asset, pointer.build_fingerprint, pointer.policy_fingerprint)
    state.commit([Change("definition", key, render_stored(weaker))], [])
    with pytest.raises(RecordUnreadable, match=r"model\.late_delivery.* is the record of another"):
        staging.renew_gates()


def test_earlier_versions_are_renewed_by_the_gates_that_they_were_held_under(
    opened: Callable[..., Workspace],
) -> None:
    dev = opened(bound="0.74")
    dev.apply()
    models = dev.gate_renewal.plan(all_retained=True).models
    assert [model.model for model in models] == ["late_delivery v1", "late_delivery v1"]
    assert len({model.policy for model in models}) == 2


def test_the_command_says_what_is_missing_and_ends_with_one(
    project: Path, opened: Callable[..., Workspace]
) -> None:
    path = project / "project.toml"
    asking = '[environments.staging]\nrequires = ["gates", "approval"]'
    path.write_text(path.read_text().replace("[environments.staging]", asking))
    arguments = ["gates", "renew", "--project", str(project), "--env", "staging"]
    answer = CliRunner().invoke(command_line, arguments, standalone_mode=False)
    assert answer.return_value == EXIT_REFUSED, answer.output
    assert "late_delivery v1 is not proven for staging: approval missing" in answer.output
