"""Versions are found by what people call them, and never believed without their digests."""

import msgspec
import pytest

from mainspring.elements.identity import canonical_json
from mainspring.engines.local.objects import FileObjects
from mainspring.ports.state import Change
from mainspring.registry.errors import ArtifactChanged, UnknownVersion, VersionChanged
from mainspring.registry.read import find_version, read_artifact, read_version, version_key


@pytest.mark.parametrize("reference", ["late_arrival@v2", "late_arrival v2", "late_arrival"])
def test_version_is_found_by_name(register, fit, state, reference):
    register(fit)
    second = register(fit, seed=8)
    assert find_version(state, reference) == second


def test_version_is_found_by_the_first_digits_of_its_digest(register, fit, state):
    version = register(fit)
    register(fit, seed=8)
    assert find_version(state, version.digest.removeprefix("sha256:")[:12]) == version


@pytest.mark.parametrize("reference", ["late_arrival@v9", "nothing", "abcdefabcdef"])
def test_unknown_version_names_those_that_exist(register, fit, state, reference):
    register(fit)
    with pytest.raises(UnknownVersion, match="late_arrival@v1"):
        find_version(state, reference)


def test_artifact_is_read_as_it_was_registered(register, fit, objects):
    artifact = read_artifact(objects, register(fit))
    assert (artifact.format, artifact.payload, artifact.output) == ("onnx", b"model", "probability")


def test_changed_artifact_is_refused_with_both_digests(register, fit, tmp_path):
    version = register(fit)
    files = FileObjects(tmp_path)
    files.write(b"model")
    files.path_of(version.artifact).write_bytes(b"madel")
    with pytest.raises(ArtifactChanged) as caught:
        read_artifact(files, version)
    assert caught.value.expected == version.artifact
    assert caught.value.found.startswith("sha256:")


def test_edited_record_is_refused(register, fit, state):
    version = register(fit)
    forged = msgspec.structs.replace(version, metrics={"roc_auc": 0.99})
    state.commit([Change("version", version_key(version.model, 1), canonical_json(forged))], [])
    with pytest.raises(VersionChanged, match="late_arrival v1"):
        read_version(state, version.digest)
