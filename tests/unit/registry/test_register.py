"""Versions come to be, once each, at places without gaps."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mainspring.elements.events import Actor, ProjectName
from mainspring.engines.local.objects import MemoryObjects
from mainspring.ports.errors import ObjectMissing
from mainspring.registry.read import iter_versions
from mainspring.registry.register import register_version


def test_first_version_is_number_one(register, fit):
    version = register(fit)
    assert version.label == "late_arrival v1"
    assert version.is_intact


def test_same_manifest_is_registered_once(register, fit, state):
    assert register(fit) == register(fit)
    assert len(list(iter_versions(state))) == 1


def test_another_fit_takes_the_next_place(register, fit):
    assert [register(fit, seed=seed).ordinal for seed in (1, 2, 1, 3)] == [1, 2, 1, 3]


def test_places_are_counted_by_model(register, fit):
    register(fit)
    assert register(fit, model="late").ordinal == 1


def test_registrations_at_once_leave_no_gap(register, fit):
    with ThreadPoolExecutor(4) as pool:
        ordinals = [
            version.ordinal
            for version in pool.map(lambda seed: register(fit, seed=seed % 6), range(12))
        ]
    assert sorted(set(ordinals)) == [1, 2, 3, 4, 5, 6]


def test_registration_is_on_record_once(register, fit, state):
    version = register(fit)
    register(fit)
    [recorded] = state.iter_events(kind="version.registered")
    assert (recorded.event.subject, recorded.event.actor) == (version.digest, "person:ada")


def test_version_without_its_artifact_is_refused(fit, state):
    with pytest.raises(ObjectMissing):
        register_version(
            fit,
            state=state,
            objects=MemoryObjects(),
            project=ProjectName("flights"),
            actor=Actor("person:ada"),
            at=0,
            reason="",
        )
    assert list(iter_versions(state)) == []
