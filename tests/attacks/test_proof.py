"""Nothing is served that was not proven for its place.

The attacker writes to `.mainspring` and has no key; the operator's commands are the honest ones.
"""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mainspring.app.workspace import Workspace
from mainspring.elements.identity import canonical_json, digest_of
from mainspring.elements.stored import render_stored
from mainspring.engines.local.signer import FileSigner
from mainspring.gates.attestation import (
    PAYLOAD_TYPE,
    Subject,
    parse_envelope,
    pre_authentication_encoding,
    render_envelope,
    sealed,
)
from mainspring.gates.errors import NotReleaser, UnreleasedMap
from mainspring.gates.release.statement import FiledRelease, ReleasePredicate, render_signed
from mainspring.registry.errors import VersionChanged
from mainspring.registry.read import find_version
from mainspring.registry.read_environment import read_environment
from mainspring.serving.errors import NotServing
from mainspring.serving.state.read import read_view_definition
from tests.attacks.disk import ROLLOUT, Disk, label_of, refusal_of, trusting
from tests.copies import copied_tree
from tests.unit.project.desk import edited

ROW = {"team": "team1", "words": 7, "opened_at": "2024-01-17T15:00:00Z"}
AS_OF = "2024-01-17T16:00:00Z"


@pytest.fixture
def project(promoted: Path, tmp_path: Path) -> Path:
    return copied_tree(promoted, tmp_path / "desk")


def opened(project: Path, env: str = "staging", **given: Any) -> Workspace:
    return Workspace.open(project, env, as_of=AS_OF, **given)


@pytest.fixture
def disk(project: Path) -> Disk:
    return Disk(project)


def test_what_is_attacked_here_serves(project: Path) -> None:
    host = opened(project).host()
    assert (label_of(host), refusal_of(host)) == ("slow v1", "")
    assert opened(project).predict("slow", [ROW])
    assert all(endpoint.attested for endpoint in opened(project).status().endpoints)


def swap(document: Any) -> None:
    """Point the model `slow` at the version of `quick`, with the policy that this one passed."""
    other = document["pointers"]["model.quick"]
    document["pointers"]["model.slow"] = other | {"asset": "model.slow"}


def test_a_model_is_not_served_in_place_of_another(project: Path, disk: Disk) -> None:
    host = opened(project).host()
    disk.edit_map(swap)
    assert host.refresh()
    assert label_of(host) == "slow v1"
    assert "release untrusted (it was signed for another map" in refusal_of(host)
    assert not all(endpoint.attested for endpoint in opened(project).status().endpoints)
    fresh = opened(project).host()
    assert label_of(fresh) in ("slow v1", "nothing")


def test_a_swap_in_the_open_environment_is_not_promoted(project: Path, disk: Disk) -> None:
    disk.edit_map(swap, "dev")
    key = key_of(disk, "model.quick", "dev")
    disk.add("definition", key.replace("quick", "slow"), disk.read("definition", key))
    with pytest.raises(UnreleasedMap):
        opened(project, "dev").promote("staging")


def test_an_edited_author_does_not_approve_their_own_version(project: Path, disk: Disk) -> None:
    version = find_version(opened(project).runtime.state, "slow")
    disk.edit("version", "slow/000001", lambda each: each.update(author="person:somebody"))
    author = opened(project, actor=version.author)
    with pytest.raises(VersionChanged):
        author.approve("slow", "prod")
    with pytest.raises(VersionChanged):
        author.promote("prod")
    assert refusal_of(opened(project).host()).startswith("REG-004")


NOBODY = "sha256:" + "0" * 64
FIELDS: dict[str, object] = {
    "metrics": {"roc_auc": 1.0},
    "base_rate": 0.5,
    "card": NOBODY,
    "training_set": NOBODY,
    "definition": NOBODY,
    "encoding": NOBODY,
    "predictions": NOBODY,
    "artifact": NOBODY,
    "feature_auc": {},
    "author": "person:eve",
    "reason": "as agreed",
    "ordinal": 7,
    "registered_at": 0,
    "project": "another",
}


def test_no_field_of_a_version_can_be_edited(project: Path, disk: Disk) -> None:
    workspace, honest = opened(project), disk.read("version", "slow/000001")
    served = {}
    for field, value in FIELDS.items():
        disk.write("version", "slow/000001", honest | {field: value})
        host = workspace.host()
        said = "REG-004", "the record of the version was changed", "REG-020"
        assert any(each in refusal_of(host) for each in said), (field, refusal_of(host))
        served[field] = label_of(host)
    assert served == dict.fromkeys(FIELDS, "nothing")


def key_of(disk: Disk, asset: str, env: str = "staging") -> str:
    """Where the definition of an asset lies."""
    pointer = disk.read("environment", env)["pointers"][asset]
    return f"{asset}/{pointer['build_fingerprint']}/{pointer['policy_fingerprint']}"


DEFINED = [
    ("endpoint.slow", "policy"),
    ("endpoint.slow", "build"),
    ("view.load", "build"),
    ("training_set.history", "build"),
    ("monitor.slow-monitor", "build"),
    ("monitor.slow-monitor", "policy"),
    ("model.slow", "policy"),
    ("source.tickets", "build"),
]


def test_no_definition_can_be_edited(project: Path, disk: Disk) -> None:
    workspace = opened(project)
    running = workspace.host()
    for asset, part in DEFINED:
        key = key_of(disk, asset)
        honest = disk.read("definition", key)
        disk.edit("definition", key, lambda each, part=part: each[part].update(edited='"mine"'))
        fresh = workspace.host()
        assert f"the definition of {asset} was changed" in refusal_of(fresh)
        disk.write("definition", key, honest)
    assert not running.refresh()
    assert label_of(running) == "slow v1"


def test_an_edited_roll_out_does_not_take_over_at_once(project: Path, disk: Disk) -> None:
    def at_once(document: Any) -> None:
        document["policy"]["rollout"] = "null"

    disk.edit("definition", key_of(disk, "endpoint.slow"), at_once)
    workspace = opened(project)
    refused = workspace.host()
    assert "the definition of endpoint.slow was changed" in refusal_of(refused)
    with pytest.raises(UnreleasedMap):
        workspace.promote("prod")


def build_key(disk: Disk, asset: str) -> str:
    pointer = disk.read("environment", "staging")["pointers"][asset]
    return f"{asset}/{pointer['build_fingerprint']}"


def test_an_exchanged_view_definition_is_not_opened(project: Path, disk: Disk) -> None:
    workspace = opened(project)
    pointer = read_environment(workspace.runtime.state, "staging").pointers["view.load"]
    objects = workspace.runtime.objects
    before = read_view_definition(pointer, state=workspace.runtime.state, objects=objects)
    forged = objects.write(b'"nothing that a view is"')

    def exchange(document: Any) -> None:
        document["facts"]["definition"] = forged

    disk.edit("build", build_key(disk, "view.load"), exchange)
    proven = opened(project).proven.state
    read_environment(proven, "staging")
    assert read_view_definition(pointer, state=proven, objects=objects) == before
    assert opened(project).predict("slow", [ROW])


def test_what_a_build_says_is_what_was_signed(project: Path, disk: Disk) -> None:
    assets = ("source.tickets", "training_set.history", "view.load")

    def read(state: Any) -> object:
        held = read_environment(state, "staging").pointers
        keys = (f"{asset}/{held[asset].build_fingerprint}" for asset in assets)
        facts = [json.loads(state.get("build", key).payload)["facts"] for key in keys]
        return [
            {name: each.get(name) for name in ("definition", "stream", "card")} for each in facts
        ]

    before = read(opened(project).proven.state)
    for asset in assets:
        mine = {"stream": "mine", "definition": NOBODY}
        disk.edit("build", build_key(disk, asset), lambda each, mine=mine: each.update(facts=mine))
    assert read(opened(project).proven.state) == before
    disk.remove("build")
    assert read(opened(project).proven.state) == before


def test_an_exchanged_baseline_is_refused(project: Path, disk: Disk) -> None:
    forged = opened(project).runtime.objects.write(b"a baseline that nothing differs from")

    def exchange(document: Any) -> None:
        document["pointers"]["monitor.slow-monitor"]["build_digest"] = forged

    disk.edit_map(exchange)
    workspace = opened(project)
    assert "it was signed for another map" in refusal_of(workspace.host())
    assert "monitor.slow-monitor" not in str(forged)
    held = read_environment(workspace.proven.state, "staging")
    assert all(pointer.build_digest != forged for pointer in held.pointers.values())


@pytest.mark.parametrize("part", ["artifact", "encoding", "definition"])
def test_exchanged_bytes_are_refused(project: Path, part: str) -> None:
    version = find_version(opened(project).runtime.state, "slow")
    digits = getattr(version, part).removeprefix("sha256:")
    [path] = (project / ".mainspring" / "objects").rglob(digits)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b" ")
    host = opened(project).host()
    assert label_of(host) == "nothing"
    assert refusal_of(host).startswith(("REG-002", "ENG-003"))


def test_a_map_that_was_put_back_is_refused(project: Path, disk: Disk) -> None:
    host = opened(project).host()
    disk.write("environment", "staging", disk.read("environment", "staging/00000001"))
    host.refresh()
    assert host.served.version == 2
    assert "release stale (version 1, and 2 was seen" in refusal_of(host)
    fresh = opened(project).host()
    assert fresh.served.version == 2
    assert "release stale (version 2 was released after version 1)" in refusal_of(fresh)


def put_back(disk: Disk) -> None:
    """Leave nothing of the second map."""
    disk.write("environment", "staging", disk.read("environment", "staging/00000001"))
    disk.remove("environment", "staging/00000002")
    disk.remove("release", "staging/00000002")


def test_a_map_that_was_put_back_whole_is_refused_by_who_has_seen_more(
    project: Path, disk: Disk, tmp_path: Path
) -> None:
    trust = tmp_path / "server.toml"
    shutil.copy(project / "project.toml", trust)
    assert opened(project, trust=trust).host().served.version == 2
    put_back(disk)
    host = opened(project, trust=trust).host()
    assert label_of(host) == "nothing"
    assert "release stale (version 1, and 2 was seen or is asked for)" in refusal_of(host)
    assert (tmp_path / "server.toml.seen").stat().st_mode & 0o777 == 0o600


def test_a_map_below_the_floor_is_refused(project: Path, disk: Disk) -> None:
    settings = project / "project.toml"
    settings.write_text(settings.read_text() + "[environments.staging.floors]\nrelease = 2\n")
    assert label_of(opened(project).host()) == "slow v1"
    put_back(disk)
    host = opened(project).host()
    assert (label_of(host), "is asked for" in refusal_of(host)) == ("nothing", True)


def test_an_older_policy_is_not_referred_to(project: Path, disk: Disk) -> None:
    """The pointer and the map are those of the looser gates, and the policy in force is not."""
    put_back(disk)
    host = opened(project).host()
    assert label_of(host) == "nothing"
    assert "policy of model.slow stale (another one is in force)" in refusal_of(host)


def test_a_policy_below_the_floor_is_refused(project: Path) -> None:
    settings = project / "project.toml"
    floor = '[environments.staging.floors]\n"model.slow" = 3\n'
    settings.write_text(settings.read_text() + floor)
    host = opened(project).host()
    assert "policy of model.slow stale (sequence 2, and 3" in refusal_of(host)
    assert label_of(host) == "nothing"


def test_without_its_statements_nothing_is_served(project: Path, disk: Disk) -> None:
    for kind in ("release", "policy", "attestation"):
        with sqlite3.connect(project / ".mainspring" / "state.db") as connection:
            kept = connection.execute(
                "SELECT * FROM documents WHERE kind = ? AND key LIKE 'staging%'", (kind,)
            ).fetchall()
        disk.remove(kind, "staging")
        host = opened(project).host()
        assert label_of(host) == "nothing"
        assert "missing" in refusal_of(host)
        with sqlite3.connect(project / ".mainspring" / "state.db") as connection:
            marks = ", ".join("?" * len(kept[0]))
            connection.executemany(f"INSERT INTO documents VALUES ({marks})", kept)
    assert label_of(opened(project).host()) == "slow v1"


def envelope_of(disk: Disk, key: str) -> str:
    return str(disk.read("release", key)["envelope"])


def test_a_release_of_another_environment_is_not_replayed(project: Path, disk: Disk) -> None:
    """Staging's map is made dev's, word for word, and dev's release is filed for it."""
    dev = disk.read("environment", "dev")
    number = dev["version"]
    disk.write("environment", "staging", dev | {"environment": "staging"})
    disk.write("environment", f"staging/{number:08d}", dev | {"environment": "staging"})
    disk.write(
        "release",
        f"staging/{number:08d}",
        {"envelope": envelope_of(disk, f"dev/{number:08d}")},
    )
    host = opened(project).host()
    assert "release untrusted (made for dev of desk)" in refusal_of(host)


def test_a_release_by_a_key_that_is_not_listed_is_refused(project: Path, disk: Disk) -> None:
    stranger = FileSigner.in_memory()
    payload = parse_envelope(envelope_of(disk, "staging/00000002").encode()).payload
    signature = stranger.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    forged = render_envelope(sealed(payload, signature)).decode()
    disk.write("release", "staging/00000002", {"envelope": forged})
    assert "no valid signature by a key accepted for releasers" in refusal_of(
        opened(project).host()
    )


OTHER_TYPES = {
    "mainspring/release/v2": "upgrade",
    "mainspring/policy/v1": "it is a statement mainspring/policy/v1",
    "mainspring/gate/latency/v2": "it is a statement mainspring/gate/latency/v2",
    "somebody/else": "it is a statement somebody/else",
}


def test_a_statement_of_another_type_is_no_release(project: Path, disk: Disk) -> None:
    """Even one that the releaser has signed."""
    workspace = opened(project)
    statement = json.loads(parse_envelope(envelope_of(disk, "staging/00000002").encode()).payload)
    for predicate_type, said in OTHER_TYPES.items():
        payload = canonical_json(statement | {"predicateType": predicate_type})
        message = pre_authentication_encoding(PAYLOAD_TYPE, payload)
        signed = sealed(payload, workspace.runtime.releaser.sign(message))
        forged = {"envelope": render_envelope(signed).decode()}
        disk.write("release", "staging/00000002", forged)
        assert said in refusal_of(workspace.host())


def test_what_is_no_statement_is_refused(project: Path, disk: Disk) -> None:
    workspace = opened(project)
    for document in ({"envelope": "{}"}, {"envelope": ""}, {}, b"\x00", [1]):
        disk.write("release", "staging/00000002", document)
        assert "release untrusted" in refusal_of(workspace.host())


def test_a_verdict_is_worth_nothing_for_another_model(project: Path) -> None:
    """A releaser who errs, and points `slow` at a version of `quick`, proves nothing by it."""
    workspace = opened(project)
    state = workspace.runtime.state
    current = read_environment(state, "staging")
    slow, quick = (current.pointers[f"model.{name}"] for name in ("slow", "quick"))
    checked = workspace.loader.releases.check(current)
    assert checked.release is not None
    version = find_version(state, "quick")
    assert version.digest == quick.build_digest
    with pytest.raises(Exception, match="not made from the definition that the map names") as told:
        workspace.loader._require_proven(version, slow, checked)
    assert "made for model.quick, not for model.slow" in str(told.value)


def test_a_rollback_restores_nothing_that_was_edited(project: Path, disk: Disk) -> None:
    disk.edit("environment", "staging/00000001", swap)
    with pytest.raises(UnreleasedMap):
        opened(project).rollback()
    assert read_environment(opened(project).runtime.state, "staging").version == 2


def test_a_renewal_signs_nothing_that_was_edited(project: Path, disk: Disk) -> None:
    disk.edit_map(lambda each: each.update(reason="somebody moved it"))
    opened(project).renew_gates(all_retained=True)
    assert "it was signed for another map" in refusal_of(opened(project).host())


def test_whoever_is_no_releaser_moves_nothing(project: Path) -> None:
    other = FileSigner.in_memory().public_key
    tester = opened(project).public_keys()["tester"]
    trusting(project, tester=tester, more=f'releaser = ["{other}"]\n')
    edited(project, ROLLOUT, 'ms.Endpoint("slow", model=slow)')
    opened(project, "dev").apply()
    with pytest.raises(NotReleaser, match="staging does not accept releases signed by"):
        opened(project, "dev").promote("staging")
    assert label_of(opened(project).host()) == "nothing"


def test_a_key_of_its_own_releases(project: Path) -> None:
    own = FileSigner.load_or_create(project / ".mainspring" / "keys" / "releaser").public_key
    keys = opened(project).public_keys()
    assert keys["releaser"] == own
    trusting(project, tester=keys["tester"], more=f'releaser = ["{own}"]\n')
    with pytest.raises(UnreleasedMap, match="no valid signature by a key accepted for releasers"):
        opened(project).rollback()
    edited(project, ROLLOUT, 'ms.Endpoint("slow", model=slow)')
    opened(project, "dev").apply()
    opened(project, "dev").promote("staging")
    host = opened(project).host()
    assert (label_of(host), refusal_of(host)) == ("slow v1", "")


def test_the_honest_ways_go_on(project: Path) -> None:
    host = opened(project).host()
    opened(project).rollback()
    assert host.refresh()
    assert (host.served.version, refusal_of(host)) == (3, "")
    assert host.endpoint("slow").rollout is None
    opened(project, "dev").promote("staging")
    assert host.refresh()
    assert (host.served.version, refusal_of(host)) == (4, "")
    assert opened(project).renew_gates().is_proven
    assert not refusal_of(opened(project).host())


def test_a_stranger_who_signs_everything_signs_for_nobody(project: Path, disk: Disk) -> None:
    """All of a map, its release included, made by somebody with another key."""
    stranger = FileSigner.in_memory()
    disk.edit_map(swap)
    current = read_environment(opened(project).runtime.state, "staging")
    statement = json.loads(parse_envelope(envelope_of(disk, "staging/00000002").encode()).payload)
    said = statement["predicate"] | {"map": digest_of(render_stored(current))}
    release = ReleasePredicate(**{**said, "assets": {}, "endpoints": {}})
    signed = render_signed(release, Subject("staging", {}), stranger)
    disk.write(
        "release", "staging/00000002", json.loads(render_stored(FiledRelease(envelope=signed)))
    )
    host = opened(project).host()
    assert "no valid signature" in refusal_of(host)
    with pytest.raises(NotServing):
        opened(project).predict("slow", [ROW])


def test_promoting_again_mends_what_was_edited(project: Path, disk: Disk) -> None:
    disk.edit_map(lambda each: each.update(reason="somebody moved it"))
    assert opened(project, "dev").promote("staging").moved
    host = opened(project).host()
    assert (host.served.version, refusal_of(host)) == (3, "")


def test_keys_are_exchanged_by_signing_anew(project: Path) -> None:
    """What was signed by a key that is gone counts nowhere; the honest ways lead out of that."""
    (project / ".mainspring" / "keys" / "tester").unlink()
    dev = opened(project, "dev")
    trusting(project, tester=dev.public_keys()["tester"])
    assert label_of(opened(project).host()) == "nothing"
    with pytest.raises(UnreleasedMap):
        opened(project, "dev").promote("staging")
    assert opened(project, "dev").renew_gates().released
    assert opened(project, "dev").promote("staging").moved
    host = opened(project).host()
    assert (label_of(host), refusal_of(host)) == ("slow v1", "")
