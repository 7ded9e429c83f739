"""Versions are found by what people call them, and never believed without their digests."""

import msgspec
import pytest

from mainspring.elements.identity import canonical_json
from mainspring.elements.stored import render_stored
from mainspring.engines.local.objects import FileObjects
from mainspring.ports.state import Change
from mainspring.registry.environment import AssetRecord
from mainspring.registry.errors import ArtifactChanged, UnknownVersion, VersionChanged
from mainspring.registry.read import (
    find_version,
    iter_versions,
    read_artifact,
    read_version,
    version_key,
)


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


@pytest.mark.parametrize("is_applied", [True, False])
def test_a_renamed_model_has_all_its_versions_by_each_of_its_names(
    register, fit, state, is_applied
):
    first = register(fit)
    second = register(fit, model="tardy", seed=8, first_name="late_arrival")
    if is_applied:
        record = render_stored(AssetRecord(origin="late_arrival"))
        state.commit([Change("asset", "model.tardy", record)], [])
    assert second.label == "tardy v2"
    for name in ("late_arrival", "tardy"):
        assert find_version(state, f"{name}@v1") == first
        assert find_version(state, name) == second
        assert list(iter_versions(state, name)) == [first, second]


def test_a_name_that_was_never_applied_is_free_for_another_model(register, fit, state):
    register(fit, model="tardy", first_name="late_arrival")
    other = register(fit, model="tardy", seed=8)
    assert other.label == "tardy v1"
    assert find_version(state, "tardy") == other


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
