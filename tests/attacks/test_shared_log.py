"""Environments share a log: what one of them may and may not do to what another one reads.

The attacker writes to `.mainspring` and has no key, or has a token of dev.
"""

from copy import copy
from pathlib import Path

import msgspec
import pytest

import mainspring as ms
from mainspring.datasets.definition import (
    SourceDefinition,
    parse_source_definition,
    render_source_definition,
)
from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.stored import render_stored
from mainspring.ports.state import Change
from mainspring.project.loader.bind import is_named_after_definition
from mainspring.registry.environment import build_key
from mainspring.registry.read_environment import read_build, read_environment
from mainspring.serving.state.generations import iter_retained_sources
from mainspring.sources.generation import Generation
from mainspring.sources.topic import quarantine_topic_of, topic_of
from tests.attacks.served import make_promoted_project
from tests.attacks.shop import SALE
from tests.copies import copied_tree

EDITED = 'clock_skew="7m", contract=ms.Contract(sale='


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`other` is protected and holds what dev held before its source was edited."""
    folder = make_promoted_project(tmp_path_factory.mktemp("promoted") / "shop")
    [file] = folder.glob("*.py")
    file.write_text(file.read_text().replace("contract=ms.Contract(sale=", EDITED))
    ms.Workspace.open(folder).apply()
    return folder


@pytest.fixture
def project(promoted: Path, tmp_path: Path) -> Path:
    return copied_tree(promoted, tmp_path / "shop")


def generation_of(workspace: ms.Workspace) -> Generation:
    """The generation that an environment's own map names."""
    return workspace.writer("sales").generation


def forge(project: Path) -> str:
    """Have the map of an environment that nobody signed say that every row is too late for the
    generation which `other` reads; that generation.
    """
    runtime = ms.Workspace.open(project, "other").runtime
    state, objects = runtime.state, runtime.objects
    [pointer] = [
        pointer
        for pointer in read_environment(state, "other").pointers.values()
        if pointer.kind == "source"
    ]
    build = read_build(state, pointer.asset, pointer.build_fingerprint)
    assert build is not None
    honest = parse_source_definition(objects.read(Digest(str(build.facts["definition"]))))
    forged = copy(honest.source)
    object.__setattr__(forged, "lateness", 1)
    payload = render_source_definition(SourceDefinition(forged, honest.schema))
    build = msgspec.structs.replace(
        build,
        fingerprint=digest_of(b"forged"),
        facts={**build.facts, "definition": objects.write(payload)},
    )
    pointer = msgspec.structs.replace(pointer, build_fingerprint=build.fingerprint)
    # Before the others in the order of names, so it is followed first.
    held = msgspec.structs.replace(
        read_environment(state, "dev"),
        environment="aaa",
        version=1,
        pointers={pointer.asset: pointer},
    )
    changes = [
        Change("build", build_key(build.asset, build.fingerprint), render_stored(build)),
        Change("environment", "aaa", render_stored(held)),
    ]
    state.commit(changes, [])
    return honest.source.stream


def test_no_map_has_a_generation_folded_by_other_rules_than_it_is_named_after(
    project: Path,
) -> None:
    stream, dev = forge(project), ms.Workspace.open(project)
    assert generation_of(dev).facts != topic_of(stream)
    # Answered by dev's generation, so that of `other` has it to fold.
    dev.writer("sales").write_rows([{"sale": "new", **SALE}])
    other = ms.Workspace.open(project, "other")
    log = other.runtime.log
    before, refused = (log.head(topic(stream)) for topic in (topic_of, quarantine_topic_of))
    other.generations.run_due()
    assert log.head(topic_of(stream)) == before + 1
    assert log.head(quarantine_topic_of(stream)) == refused


def test_every_honest_definition_is_the_one_that_its_generation_is_named_after(
    project: Path,
) -> None:
    runtime = ms.Workspace.open(project).runtime
    found = []
    for pointer in iter_retained_sources(runtime.state):
        build = read_build(runtime.state, pointer.asset, pointer.build_fingerprint)
        assert build is not None
        definition = Digest(str(build.facts["definition"]))
        found.append(parse_source_definition(runtime.objects.read(definition)))
    assert len({each.source.stream for each in found}) == 2
    assert all(is_named_after_definition(each.source, each.schema) for each in found)


def test_rows_that_a_token_of_dev_pushes_are_read_by_another_environment(project: Path) -> None:
    """By design, and said in SECURITY.md: the log is one, and the generations are judged apart."""
    dev, other = ms.Workspace.open(project), ms.Workspace.open(project, "other")
    dev.writer("sales").write_rows([{"sale": "of dev", **SALE}])
    other.generations.run_due()
    generation = generation_of(other)
    assert other.runtime.log.find(generation.facts, ["of dev"])
