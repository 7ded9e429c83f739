"""Signed statements: what makes a chain hold, and everything that breaks it."""

from dataclasses import replace

import msgspec
import pytest

from mainspring.elements.errors import NewerFormat
from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest, canonical_json
from mainspring.elements.time import DAY
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.signer import Ed25519Verifier, FileSigner
from mainspring.engines.local.state import SqliteState
from mainspring.gates.attest import (
    AttestationBinding,
    AttestationWriter,
    read_envelopes,
    sign_approval,
    sign_verdicts,
)
from mainspring.gates.attestation import (
    APPROVAL,
    PAYLOAD_TYPE,
    Envelope,
    gate_predicate,
    parse_envelope,
    parse_statement,
    pre_authentication_encoding,
    render_envelope,
    sealed,
)
from mainspring.gates.errors import NotAPerson, SelfApproval, UnprovenVersion, UnreadableAttestation
from mainspring.gates.verdict import Verdict
from mainspring.gates.verify import compared_champion, signed_gates, verify_chain
from mainspring.ports.state import Change

NOW = 1_000 * DAY
LATENCY = gate_predicate("latency")


@pytest.fixture(scope="module")
def keys():
    return {
        "tester": FileSigner.in_memory(),
        "approver": FileSigner.in_memory(),
        "stranger": FileSigner.in_memory(),
    }


@pytest.fixture
def writer(tmp_path, keys):
    """Makes notaries that share one state and one object store."""
    state, objects = SqliteState(tmp_path / "state.db", ProjectName("flights")), MemoryObjects()

    def writer(role, actor="person:bob"):
        return AttestationWriter(
            signer=keys[role],
            state=state,
            objects=objects,
            project=ProjectName("flights"),
            actor=Actor(actor),
        )

    yield writer
    state.close()


@pytest.fixture
def binding(version, policy):
    return AttestationBinding(version=version, policy=policy, environment="prod")


@pytest.fixture
def verdict(version):
    return Verdict(
        gate="latency",
        passed=True,
        summary="p99 3 ms",
        evidence={"p99_ms": 3.0},
        subject=version.digest,
        at=NOW,
    )


@pytest.fixture
def check(version, policy, keys):
    """Verifies envelopes as the loader of `prod` would, with changes to what it asks."""

    def check(envelopes, required=(LATENCY,), **changes):
        asked = {
            "environment": "prod",
            "policy_fingerprint": policy,
            "required": required,
            "trust": {
                "tester": [keys["tester"].public_key],
                "approver": [keys["approver"].public_key],
            },
            "verifier": Ed25519Verifier(),
            "now": NOW + DAY,
        }
        return verify_chain(
            changes.pop("version", version),
            changes.pop("artifact", version.artifact),
            envelopes,
            **asked | changes,
        )

    return check


def standing(report):
    return [item.standing for item in report.items]


def test_signed_verdict_and_approval_prove_a_version(check, verdict, binding, writer):
    envelopes = [
        *sign_verdicts([verdict], binding, writer("tester")),
        sign_approval(binding, writer("approver"), at=NOW),
    ]
    report = check(envelopes, (LATENCY, APPROVAL))
    assert report.is_proven
    report.require()


def test_filed_envelopes_are_read_back(verdict, binding, writer, version):
    tester = writer("tester")
    [envelope] = sign_verdicts([verdict], binding, tester)
    assert read_envelopes(
        tester.state, tester.objects, environment="prod", version=version.digest
    ) == [envelope]
    assert (
        read_envelopes(
            tester.state,
            tester.objects,
            environment="staging",
            version=version.digest,
        )
        == []
    )


@pytest.fixture
def filed(writer, version):
    """What is on file for the version in `prod`."""

    def filed():
        desk = writer("tester")
        return read_envelopes(desk.state, desk.objects, environment="prod", version=version.digest)

    return filed


def test_a_verdict_of_another_policy_does_not_take_a_proofs_place(
    check, filed, verdict, binding, writer
):
    sign_verdicts([verdict], binding, writer("tester"))
    stricter = replace(binding, policy=Digest("sha256:stricter"))
    refused = msgspec.structs.replace(verdict, passed=False, at=NOW + 1)
    sign_verdicts([refused], stricter, writer("tester"))
    assert check(filed()).is_proven


def test_a_key_that_is_not_trusted_does_not_take_a_proofs_place(
    check, filed, verdict, binding, writer
):
    sign_verdicts([verdict], binding, writer("tester"))
    sign_verdicts([msgspec.structs.replace(verdict, at=NOW + 1)], binding, writer("stranger"))
    assert check(filed()).is_proven


def test_a_failed_verdict_of_the_same_policy_takes_a_proofs_place(
    check, filed, verdict, binding, writer
):
    sign_verdicts([verdict], binding, writer("tester"))
    refused = msgspec.structs.replace(verdict, passed=False, at=NOW + 1)
    sign_verdicts([refused], binding, writer("tester"))
    assert standing(check(filed())) == ["failed"]


def test_what_0_1_filed_is_read_where_it_lies(check, filed, verdict, binding, writer, version):
    desk = writer("tester")
    sign_verdicts([verdict], binding, desk)
    [document] = desk.state.iter_documents("attestation")
    old_key = f"prod/{version.digest}/{LATENCY}"
    desk.state.commit(
        [
            Change("attestation", document.key, None),
            Change("attestation", old_key, document.payload),
        ],
        [],
    )
    assert check(filed()).is_proven
    refused = msgspec.structs.replace(verdict, passed=False, at=NOW + 1)
    sign_verdicts([refused], binding, desk)
    assert standing(check(filed())) == ["failed"]


CHAMPION, OTHER = "sha256:" + "c" * 64, "sha256:" + "d" * 64
BEATS = gate_predicate("beats_champion:log_loss")


@pytest.fixture
def compared(filed, verdict, binding, writer):
    """Files a comparison with a champion."""

    def compared(champion, *, passed, at):
        found = msgspec.structs.replace(
            verdict, gate="beats_champion:log_loss", passed=passed, at=at, champion=champion
        )
        sign_verdicts([found], replace(binding, champion=champion), writer("tester"))

    return compared


def test_losing_to_another_champion_does_not_unsay_what_was_won(check, filed, compared):
    compared(CHAMPION, passed=True, at=NOW)
    compared(OTHER, passed=False, at=NOW + 1)
    assert check(filed(), (BEATS,)).is_proven


def test_losing_to_the_same_champion_counts(check, filed, compared):
    compared(CHAMPION, passed=True, at=NOW)
    compared(CHAMPION, passed=False, at=NOW + 1)
    assert standing(check(filed(), (BEATS,))) == ["failed"]


def test_the_champion_that_was_beaten_is_remembered(filed, compared, policy, keys):
    compared(CHAMPION, passed=True, at=NOW)
    compared(OTHER, passed=False, at=NOW + 1)
    found = compared_champion(
        filed(),
        policy=policy,
        trust={"tester": [keys["tester"].public_key]},
        verifier=Ed25519Verifier(),
    )
    assert found == CHAMPION


def test_verdicts_are_on_record_in_the_journal(verdict, binding, writer):
    sign_verdicts([verdict], binding, writer("tester"))
    [recorded] = writer("tester").state.iter_events(kind="gate.judged")
    assert (recorded.event.facts["gate"], recorded.event.facts["passed"], recorded.event.actor) == (
        "latency",
        True,
        "person:bob",
    )


def test_everything_that_is_missing_is_told_at_once(check):
    with pytest.raises(UnprovenVersion) as caught:
        check([], (LATENCY, APPROVAL)).require()
    assert "gate/latency missing" in str(caught.value)
    assert "approval missing" in str(caught.value)


def test_failed_verdict_never_counts(check, verdict, binding, writer):
    failed = msgspec.structs.replace(verdict, passed=False)
    report = check(sign_verdicts([failed], binding, writer("tester")))
    assert standing(report) == ["failed"]
    assert "p99 3 ms" in str(report.items[0])


def test_newest_verdict_decides(check, verdict, binding, writer):
    later = msgspec.structs.replace(verdict, passed=False, at=NOW + 1)
    envelopes = sign_verdicts([later], binding, writer("tester")) + sign_verdicts(
        [verdict], binding, writer("tester")
    )
    assert standing(check(envelopes)) == ["failed"]


def test_stale_statement_does_not_hide_one_that_counts(check, verdict, binding, writer, policy):
    other = sign_verdicts(
        [msgspec.structs.replace(verdict, at=NOW + 1)],
        replace(binding, policy=Digest("sha256:old")),
        writer("tester"),
    )
    assert check(other + sign_verdicts([verdict], binding, writer("tester"))).is_proven


@pytest.mark.parametrize("place", range(0, 900, 60))
def test_flipped_bit_in_the_payload_is_untrusted(check, verdict, binding, writer, place):
    [envelope] = sign_verdicts([verdict], binding, writer("tester"))
    payload = bytearray(envelope.payload)
    payload[place % len(payload)] ^= 1
    assert not check(
        [Envelope(envelope.payload_type, bytes(payload), envelope.signatures)]
    ).is_proven


def test_flipped_bit_in_the_signature_is_untrusted(check, verdict, binding, writer):
    [envelope] = sign_verdicts([verdict], binding, writer("tester"))
    [signature] = envelope.signatures
    forged = signature._replace(value=bytes([signature.value[0] ^ 1]) + signature.value[1:])
    assert standing(check([Envelope(envelope.payload_type, envelope.payload, (forged,))])) == [
        "untrusted"
    ]


def test_payload_of_another_type_is_untrusted(check, verdict, binding, writer):
    [envelope] = sign_verdicts([verdict], binding, writer("tester"))
    assert standing(check([Envelope("text/plain", envelope.payload, envelope.signatures)])) == [
        "untrusted"
    ]


def test_unknown_key_is_untrusted(check, verdict, binding, writer):
    assert standing(check(sign_verdicts([verdict], binding, writer("stranger")))) == ["untrusted"]


def test_testers_key_does_not_approve(check, binding, writer):
    assert standing(check([sign_approval(binding, writer("tester"), at=NOW)], (APPROVAL,))) == [
        "untrusted"
    ]


def test_statement_for_another_environment_is_stale(check, verdict, binding, writer):
    report = check(
        sign_verdicts([verdict], replace(binding, environment="staging"), writer("tester"))
    )
    assert str(report.items[0]) == "gate/latency stale (made for staging)"


def test_statement_of_another_policy_is_stale(check, verdict, binding, writer):
    report = check(
        sign_verdicts([verdict], binding, writer("tester")), policy_fingerprint=Digest("sha256:new")
    )
    assert standing(report) == ["stale"]


def test_statement_expires_after_ninety_days(check, verdict, binding, writer):
    envelopes = sign_verdicts([verdict], binding, writer("tester"))
    assert check(envelopes, now=NOW + 90 * DAY - 1).is_proven
    assert standing(check(envelopes, now=NOW + 90 * DAY)) == ["stale"]


def test_statement_without_expiry_counts_for_ever(check, verdict, binding, writer):
    assert check(
        sign_verdicts([verdict], replace(binding, valid_for=None), writer("tester")),
        now=NOW + 9_000 * DAY,
    ).is_proven


def test_statement_about_another_version_is_untrusted(check, verdict, binding, writer, version):
    other = msgspec.structs.replace(version, digest=Digest("sha256:" + "0" * 64))
    assert standing(
        check(sign_verdicts([verdict], replace(binding, version=other), writer("tester")))
    ) == ["untrusted"]


def test_changed_artifact_breaks_the_chain(check, verdict, binding, writer):
    report = check(
        sign_verdicts([verdict], binding, writer("tester")), artifact=Digest("sha256:" + "0" * 64)
    )
    assert [item.predicate_type for item in report.faults] == ["artifact", LATENCY]


def test_edited_version_breaks_the_chain(check, verdict, binding, writer, version):
    forged = msgspec.structs.replace(version, metrics={"roc_auc": 0.99})
    report = check(sign_verdicts([verdict], binding, writer("tester")), version=forged)
    assert [item.predicate_type for item in report.faults] == ["version", LATENCY]


@pytest.mark.parametrize("change", [{"author": "person:eve"}, {"ordinal": 9}, {"reason": "?"}])
def test_whatever_is_edited_in_a_record_breaks_the_chain(
    check, verdict, binding, writer, version, change
):
    edited = msgspec.structs.replace(version, **change)
    assert edited.is_intact
    report = check(sign_verdicts([verdict], binding, writer("tester")), version=edited)
    assert standing(report) == ["untrusted"]
    assert "the record of the version was changed since" in str(report.items[0])


def test_statement_about_another_model_is_stale(check, verdict, binding, writer):
    report = check(sign_verdicts([verdict], binding, writer("tester")), asset="model.other")
    assert "made for model.late_arrival, not for model.other" in str(report.items[0])


def test_author_cannot_approve(binding, writer):
    with pytest.raises(SelfApproval):
        sign_approval(binding, writer("approver", "person:ada"), at=NOW)


def test_only_people_approve(binding, writer):
    with pytest.raises(NotAPerson):
        sign_approval(binding, writer("approver", "service:ci"), at=NOW)


def test_approval_of_who_turns_out_to_be_the_author_is_untrusted(check, binding, writer, version):
    envelope = sign_approval(binding, writer("approver"), at=NOW)
    report = check(
        [envelope],
        (APPROVAL,),
        version=msgspec.structs.replace(version, author=Actor("person:bob")),
    )
    assert standing(report) == ["untrusted"]


@pytest.fixture
def asked(policy, keys):
    """The gates that envelopes say their policy asks for."""
    return lambda envelopes: signed_gates(
        envelopes,
        policy=policy,
        trust={"tester": [keys["tester"].public_key]},
        verifier=Ed25519Verifier(),
    )


def test_one_statement_names_all_gates_of_its_policy(asked, verdict, binding, writer):
    envelopes = sign_verdicts(
        [verdict],
        replace(binding, required_gates=("latency", "min_metric:roc_auc", "no_leakage", "parity")),
        writer("tester"),
    )
    assert asked(envelopes) == ("latency", "min_metric:roc_auc", "no_leakage", "parity")


@pytest.mark.parametrize(
    ("role", "change"), [("stranger", {}), ("tester", {"policy": Digest("sha256:old")})]
)
def test_gates_named_by_a_stranger_or_another_policy_are_not_asked(
    asked, verdict, binding, writer, role, change
):
    envelopes = sign_verdicts(
        [verdict], replace(binding, required_gates=("latency",), **change), writer(role)
    )
    assert asked(envelopes) == ("no_leakage", "parity")


def test_envelope_speaks_dsse_and_in_toto(verdict, binding, writer):
    [envelope] = sign_verdicts([verdict], binding, writer("tester"))
    wire = msgspec.json.decode(render_envelope(envelope))
    statement = msgspec.json.decode(envelope.payload)
    assert set(wire) == {"payloadType", "payload", "signatures"}
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
    assert statement["predicateType"] == "mainspring/gate/latency/v2"


def test_envelope_and_statement_are_read_back(verdict, binding, writer):
    [envelope] = sign_verdicts([verdict], binding, writer("tester"))
    assert parse_envelope(render_envelope(envelope)) == envelope
    assert parse_statement(envelope.payload).predicate.evidence == {"p99_ms": 3.0}


def test_a_statement_of_an_older_format_than_binds_is_stale(check, verdict, binding, writer):
    report = check(sign_verdicts([verdict], binding, writer("tester")), oldest_format=3)
    assert "signed in format 2, which does not bind all that format 3 does" in str(report.items[0])
    assert standing(report) == ["stale"]


def signed(signer, statement):
    """An envelope around a statement that this release would not write."""
    payload = canonical_json(statement)
    return sealed(payload, signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)))


def rewritten(envelope, signer, *, predicate_type=LATENCY, **fields):
    statement = msgspec.json.decode(envelope.payload)
    statement["predicateType"] = predicate_type
    statement["predicate"] |= fields
    return signed(signer, statement)


def test_a_statement_of_a_later_release_is_told_apart(check, verdict, binding, writer, keys):
    [envelope] = sign_verdicts([verdict], binding, writer("tester"))
    kind = "mainspring/gate/latency/v3"
    later = rewritten(envelope, keys["tester"], predicate_type=kind, region="eu")
    with pytest.raises(NewerFormat, match="mainspring/gate/latency is stored in format 3"):
        parse_statement(later.payload)
    report = check([later])
    assert standing(report) == ["untrusted"]
    assert "reads up to format 2: upgrade Mainspring" in str(report.items[0])


@pytest.mark.parametrize("change", [{"region": "eu"}, {"predicate_type": "gate/latency/v0"}])
def test_a_statement_with_other_fields_than_its_format_is_refused(
    check, verdict, binding, writer, keys, change
):
    [envelope] = sign_verdicts([verdict], binding, writer("tester"))
    forged = rewritten(envelope, keys["tester"], **change)
    with pytest.raises(UnreadableAttestation):
        parse_statement(forged.payload)
    assert not check([forged]).is_proven


@pytest.mark.parametrize(
    "document", [b"", b"{}", b'{"payloadType":"x","payload":"%%","signatures":[]}']
)
def test_what_is_no_envelope_is_refused(document):
    with pytest.raises(UnreadableAttestation):
        parse_envelope(document)
