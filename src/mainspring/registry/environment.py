"""What stands where: an environment is a versioned map from asset names to builds, and a build is
what was made of one definition.

Promotion, apply and rollback all write the next version of a map; none edits one.  A map names
builds and copies nothing, so moving it is one small transaction, and an old version can be restored
as long as its builds are kept.
"""

from collections.abc import Iterable, Mapping

import msgspec

from mainspring.elements.events import Actor, EventValue
from mainspring.elements.identity import Digest, digest_of_value
from mainspring.elements.stored import StoredRecord
from mainspring.elements.time import Micros

__all__ = [
    "AssetDefinition",
    "AssetNotes",
    "AssetPointer",
    "AssetRecord",
    "Build",
    "EnvironmentVersion",
    "StageDuration",
    "asset_names",
    "build_key",
    "definition_key",
    "duration_key",
    "empty_environment",
    "environment_version_key",
    "next_version",
    "renamed_version",
    "restored_version",
]


class AssetPointer(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment holds of one asset.

    Args:
        asset: the kind, a dot and the declared name: `view.departure_delays`.
        kind: as text; which kinds there are is known to whoever declares them.
        build_digest: the build in charge; for an asset that needs no building (on-demand view,
            endpoint) its build fingerprint.
    """

    asset: str
    kind: str
    build_fingerprint: Digest
    policy_fingerprint: Digest
    build_digest: Digest


class EnvironmentVersion(StoredRecord, frozen=True, kw_only=True):
    """One version of an environment.  Document kind `environment`: key `<name>` for the newest,
    `<name>/<version:08d>` for each.

    Args:
        version: 1 for the first that was applied; 0 stands for an environment that holds nothing
            yet.
        previous: the version that a rollback restores; None where there is nothing to go back to.
    """

    title = "an environment's version"
    document = "environment"

    environment: str
    version: int
    pointers: dict[str, AssetPointer]
    moved_by: Actor
    moved_at: Micros
    reason: str
    previous: int | None

    def is_filed_under(self, key: str) -> bool:
        """Whether the key is that of its environment, or of this version of it."""
        return key in (
            self.environment,
            environment_version_key(self.environment, self.version),
        )


class Build(StoredRecord, frozen=True, kw_only=True):
    """What was made of one definition.  Document kind `build`, key `<asset>/<build fingerprint>`:
    the newest of that definition.

    Args:
        inputs: the log position that was read, by topic.
        rows: imported, materialized, trained on or evaluated.
        facts: what else is worth showing: a share of late facts, a metric.
    """

    title = "a build"
    document = "build"

    asset: str
    fingerprint: Digest
    digest: Digest
    made_at: Micros
    inputs: dict[str, int]
    rows: int
    facts: dict[str, EventValue] = msgspec.field(default_factory=dict)

    def is_filed_under(self, key: str) -> bool:
        """Whether the key names its asset and definition."""
        return key == build_key(self.asset, self.fingerprint)


class AssetNotes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a declaration says to people; nothing is built or judged because of it."""

    owner: str = ""
    description: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)

    def __str__(self) -> str:
        return f"owner {self.owner}" if self.owner else ""


class AssetDefinition(StoredRecord, frozen=True, kw_only=True):
    """A declaration in canonical words, kept so that a later plan can say what changed from what.

    Document kind `definition`, key `<asset>/<build fingerprint>/<policy fingerprint>`.

    Args:
        build: field → canonical JSON of its value; what a change of rebuilds.
        policy: the same for what a change of asks for new verdicts only.
        parents: the build fingerprints of the assets that it is made from.
        notes: for people; in neither fingerprint.  Unset in what release 0.1 wrote.
    """

    title = "the definition of an asset"
    document = "definition"

    asset: str
    build: dict[str, str]
    policy: dict[str, str]
    parents: dict[str, Digest]
    notes: AssetNotes | msgspec.UnsetType = msgspec.UNSET

    def is_filed_under(self, key: str) -> bool:
        """Whether the key has its fingerprints; the name before them may be a later one."""
        return key.endswith(f"/{self.build_fingerprint}/{self.policy_fingerprint}")

    @property
    def notes_or_none(self) -> AssetNotes:
        """The notes; empty ones where none were stored."""
        return AssetNotes() if isinstance(self.notes, msgspec.UnsetType) else self.notes

    @property
    def build_fingerprint(self) -> Digest:
        """Names what is built from it."""
        return digest_of_value([self.asset, self.build, self.parents])

    @property
    def policy_fingerprint(self) -> Digest:
        """Names what is asked of it."""
        return digest_of_value([self.asset, self.policy])


class AssetRecord(StoredRecord, frozen=True, kw_only=True):
    """What is on record of a declared asset beside its definitions.  Document kind `asset`, key the
    asset.

    Args:
        origin: what it was first declared as, without its kind: its facts, versions and state are
            filed by that.
        refreshes: how often the earlier rows of a source's file were superseded; of a source that
            was renamed, the record of its first name says that.
        files: the files that were read of it, by the path that the declaration names; likewise.
    """

    title = "the record of an asset"
    document = "asset"

    origin: str
    refreshes: int = 0
    files: tuple[str, ...] = ()


class StageDuration(StoredRecord, frozen=True, kw_only=True):
    """What a stage took when it last ran for an asset.  Document kind `duration`, key
    `<stage>/<asset>`; estimates come from these.
    """

    title = "the duration of a stage"
    document = "duration"

    stage: str
    asset: str
    rows: int
    cpu_s: float

    def is_filed_under(self, key: str) -> bool:
        """Whether the key names its stage and asset."""
        return key == duration_key(self.stage, self.asset)


def asset_names(environment: EnvironmentVersion, kind: str) -> list[str]:
    """The declared names of the assets of a kind that an environment holds, sorted."""
    return sorted(
        pointer.asset.removeprefix(f"{kind}.")
        for pointer in environment.pointers.values()
        if pointer.kind == kind
    )


def build_key(asset: str, fingerprint: Digest) -> str:
    """The key of a `build` document."""
    return f"{asset}/{fingerprint}"


def definition_key(asset: str, build_fingerprint: Digest, policy_fingerprint: Digest) -> str:
    """The key of a `definition` document."""
    return f"{asset}/{build_fingerprint}/{policy_fingerprint}"


def duration_key(stage: str, asset: str) -> str:
    """The key of a `duration` document."""
    return f"{stage}/{asset}"


def environment_version_key(environment: str, version: int) -> str:
    """The key under which one version of an environment stays.

    >>> environment_version_key("prod", 12)
    'prod/00000012'
    """
    return f"{environment}/{version:08d}"


def empty_environment(name: str) -> EnvironmentVersion:
    """An environment that holds nothing yet: version 0."""
    return EnvironmentVersion(
        environment=name,
        version=0,
        pointers={},
        moved_by=Actor(""),
        moved_at=0,
        reason="",
        previous=None,
    )


def next_version(
    current: EnvironmentVersion,
    pointers: Iterable[AssetPointer],
    *,
    removed: Iterable[str] = (),
    by: Actor,
    at: Micros,
    reason: str,
) -> EnvironmentVersion:
    """The next version, with these pointers in place of those of the same assets and without the
    removed ones.
    """
    gone = frozenset(removed)
    kept = {asset: pointer for asset, pointer in current.pointers.items() if asset not in gone}
    return EnvironmentVersion(
        environment=current.environment,
        version=current.version + 1,
        pointers=dict(sorted((kept | {p.asset: p for p in pointers}).items())),
        moved_by=by,
        moved_at=at,
        reason=reason,
        previous=current.version or None,
    )


def renamed_version(held: EnvironmentVersion, names: Mapping[str, str]) -> EnvironmentVersion:
    """The version with some of its assets under other names.

    Args:
        names: by the name that an asset has now, the one under which the environment holds it.
    """
    found = dict(held.pointers)
    for asset, former in names.items():
        found[asset] = msgspec.structs.replace(found.pop(former), asset=asset)
    return msgspec.structs.replace(held, pointers=dict(sorted(found.items())))


def restored_version(
    current: EnvironmentVersion, target: EnvironmentVersion, *, by: Actor, at: Micros, reason: str
) -> EnvironmentVersion:
    """The next version, holding what an older one held; a second rollback goes on to what stood
    before that one.
    """
    assert current.environment == target.environment, (current.environment, target.environment)
    return msgspec.structs.replace(
        target, version=current.version + 1, moved_by=by, moved_at=at, reason=reason
    )
