"""A version is named by the fields of its own format, and its parts by their names."""

from typing import get_args

import msgspec
import pytest

from mainspring.elements.errors import NewerFormat
from mainspring.elements.identity import digest_of_value
from mainspring.elements.stored import render_stored
from mainspring.ports.state import Change
from mainspring.registry.errors import VersionChanged
from mainspring.registry.read import iter_versions, read_version
from mainspring.registry.version import ModelManifest, VersionPart

REGISTERED = {"digest", "ordinal", "project", "author", "registered_at", "reason"}


def test_a_version_is_named_by_what_0_1_named_it_by(register, fit):
    said = msgspec.to_builtins(register(fit))
    manifest = {name: value for name, value in said.items() if name not in REGISTERED}
    assert register(fit).digest == digest_of_value(manifest)


def test_an_edited_author_is_another_version(register, fit, state):
    made = register(fit, record_format=3, feature_r2={}, pair_power={})
    edited = msgspec.structs.replace(made, author="person:eve")
    assert (made.is_intact, edited.is_intact) == (True, False)
    state.commit([Change("version", "late_arrival/000001", render_stored(edited))], [])
    with pytest.raises(VersionChanged):
        read_version(state, made.digest)


def test_a_field_of_a_later_class_does_not_change_the_name(fit):
    class Later(ModelManifest, frozen=True, kw_only=True):
        licence: str | msgspec.UnsetType = msgspec.UNSET

    later = Later(**msgspec.structs.asdict(fit), licence="free")
    assert later.digest_of_manifest == fit.digest_of_manifest


@pytest.mark.parametrize("part", get_args(VersionPart))
def test_every_part_names_an_object(fit, part):
    assert fit.digest_of_part(part) == msgspec.structs.asdict(fit)[part]


def test_a_version_that_a_later_release_registered_is_refused(register, fit, state):
    later = msgspec.structs.replace(register(fit), record_format=ModelManifest.newest_format + 1)
    state.commit([Change("version", "late_arrival/000002", render_stored(later))], [])
    with pytest.raises(NewerFormat, match="a model version late_arrival/000002"):
        list(iter_versions(state))
