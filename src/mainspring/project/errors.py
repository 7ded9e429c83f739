"""What can be wrong with a project.  Each fault has the user's line; `ProjectErrors` lists all of
them at once.
"""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import (
    AccessError,
    DeclarationError,
    FlowError,
    GateError,
    MainspringError,
)
from mainspring.gates.verdict import Verdict

__all__ = [
    "ConfigurationFault",
    "FolderTooLarge",
    "GatesFailed",
    "HistoryShared",
    "HistoryTaken",
    "ImportFailed",
    "NotADeclaration",
    "NothingDeclared",
    "NothingImported",
    "NothingToPromote",
    "NothingToRollBack",
    "OpensItself",
    "PlanStale",
    "ProjectErrors",
    "ProjectMissing",
    "ProjectUnreadable",
    "ProtectedEnvironment",
    "RenamedFromDeclared",
    "RenamedTwice",
    "UnknownEnvironment",
]


@dataclass(eq=False, kw_only=True)
class ProjectErrors(DeclarationError):
    """A project has mistakes; all of them are listed.  Nothing was changed: the whole project is
    checked before anything is planned.
    """

    code: ClassVar[str] = "PRJ-020"
    template: ClassVar[str] = "{count} in the project"
    faults: tuple[MainspringError, ...]

    def details(self) -> dict[str, object]:
        """The number of faults in words; each fault has its own details."""
        return {"count": "1 mistake" if len(self.faults) == 1 else f"{len(self.faults)} mistakes"}

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.code} {self.message}; nothing was changed",
                *(str(fault) for fault in self.faults),
            ]
        )


@dataclass(eq=False, kw_only=True)
class ProjectMissing(DeclarationError):
    """There is no project at a path.  A project is a folder of Python modules, with or without
    `project.toml`, or one Python file.
    """

    code: ClassVar[str] = "PRJ-021"
    template: ClassVar[str] = "there is no project at {path}"
    remedy: ClassVar[str] = "name a folder or a .py file, or create one with: mainspring init"
    path: str


@dataclass(eq=False, kw_only=True)
class FolderTooLarge(DeclarationError):
    """A folder without `project.toml` holds too much to be one project, such as a home or a disk.
    Its modules would all have to be looked for, and those that import `mainspring` imported.
    """

    code: ClassVar[str] = "PRJ-081"
    template: ClassVar[str] = (
        "{path} is no project: it holds more than {entries:,} files, and no project.toml"
    )
    remedy: ClassVar[str] = (
        "name the project's folder with --project; or write `name = ...` into a project.toml there"
    )
    path: str
    entries: int


@dataclass(eq=False, kw_only=True)
class NothingDeclared(DeclarationError):
    """No module of the project declares anything.  Only modules that import `mainspring` themselves
    are read, and not those in `tests` or hidden folders.
    """

    code: ClassVar[str] = "PRJ-022"
    template: ClassVar[str] = "nothing is declared in {path}"
    remedy: ClassVar[str] = "declare a source or a model in a module with: import mainspring as ms"
    path: str


@dataclass(eq=False, kw_only=True)
class ConfigurationFault(DeclarationError):
    """A setting in `project.toml` is wrong or unknown.  The file has `name`, `[cost]` and
    `[environments.NAME]` with `protected`, `requires`, `trust` and `engines`, and nothing else, so
    that a misspelt setting is not ignored.
    """

    code: ClassVar[str] = "PRJ-023"
    template: ClassVar[str] = "{setting}: {problem}"
    remedy: ClassVar[str] = "correct it in project.toml"
    setting: str
    problem: str


@dataclass(eq=False, kw_only=True)
class ImportFailed(DeclarationError):
    """A module of the project could not be imported.  The location is the last line of the
    project's own code that ran.
    """

    code: ClassVar[str] = "PRJ-024"
    template: ClassVar[str] = "importing {module} failed: {problem}"
    remedy: ClassVar[str] = "run the module with python to see the whole traceback"
    module: str
    problem: str


@dataclass(eq=False, kw_only=True)
class ProjectUnreadable(DeclarationError):
    """A file of the project cannot be read as text."""

    code: ClassVar[str] = "PRJ-025"
    template: ClassVar[str] = "{path} cannot be read: {problem}"
    remedy: ClassVar[str] = "save it as UTF-8 text, and make it readable for this user"
    path: str
    problem: str


@dataclass(eq=False, kw_only=True)
class OpensItself(DeclarationError):
    """A module of a project opens the workspace of that project while it is imported, so it would
    be imported again without end.

    Every file in the project's folder that imports `mainspring` is one of its modules, including
    scripts that work with the project.
    """

    code: ClassVar[str] = "PRJ-046"
    template: ClassVar[str] = (
        "a module of the project at {path} opens that project while it is imported"
    )
    remedy: ClassVar[str] = (
        'put the script under `if __name__ == "__main__":`, or into another folder'
    )
    path: str


@dataclass(eq=False, kw_only=True)
class NotADeclaration(DeclarationError):
    """A value among the definitions of an in-memory workspace is not a declaration."""

    code: ClassVar[str] = "PRJ-047"
    template: ClassVar[str] = "{value} is not a declaration"
    remedy: ClassVar[str] = (
        "give sources, views, training sets, models, endpoints and monitors; a fit function "
        "needs @ms.model above it"
    )
    value: str


@dataclass(eq=False, kw_only=True)
class GatesFailed(GateError):
    """A model version failed its gates.

    What was built is stored and will be reused, the verdicts are signed and recorded, and the
    environment did not move.
    """

    code: ClassVar[str] = "GAT-010"
    template: ClassVar[str] = "{version} failed its gates for {environment}: {failed}"
    remedy: ClassVar[str] = "read the verdicts; {environment} still serves what it served before"
    version: str
    environment: str
    failed: str
    verdicts: tuple[Verdict, ...]


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
    """Something was applied or pointed at in a protected environment.  It changes only by
    promotions and rollbacks.
    """

    code: ClassVar[str] = "ACC-005"
    template: ClassVar[str] = (
        "{environment} is protected: it accepts promotions and rollbacks, not {act}"
    )
    remedy: ClassVar[str] = "apply to dev, then `mainspring promote dev {environment}`"
    environment: str
    act: str


@dataclass(eq=False, kw_only=True)
class NothingToRollBack(FlowError):
    """A rollback restores the previous version of an environment; this environment has none."""

    code: ClassVar[str] = "FLO-020"
    template: ClassVar[str] = "{environment} has no earlier version to roll back to"
    remedy: ClassVar[str] = "there is nothing to do"
    environment: str


@dataclass(eq=False, kw_only=True)
class NothingToPromote(FlowError):
    """There is nothing to promote, or no other environment to promote it to."""

    code: ClassVar[str] = "FLO-021"
    template: ClassVar[str] = "nothing can be promoted from {source} to {target}: {reason}"
    remedy: ClassVar[str] = "apply to an open environment first, and promote that to another one"
    source: str
    target: str
    reason: str


@dataclass(eq=False, kw_only=True)
class PlanStale(FlowError):
    """A plan was made for another state than the present one.  It names the version of the
    environment and the fingerprint of every asset, and one of them has changed since; nothing was
    applied.
    """

    code: ClassVar[str] = "FLO-026"
    template: ClassVar[str] = "the plan to {act} in {environment} is stale: {moved}"
    remedy: ClassVar[str] = "make the plan again, review it, and apply that one"
    environment: str
    act: str
    moved: str


@dataclass(eq=False, kw_only=True)
class RenamedFromDeclared(DeclarationError):
    """`renamed_from=` names an asset that is declared too.  What was renamed is not there any more
    under its old name, and one history cannot belong to both.
    """

    code: ClassVar[str] = "PRJ-100"
    template: ClassVar[str] = "{asset} is renamed from {former}, which is still declared at {other}"
    remedy: ClassVar[str] = (
        "remove the declaration of the old name, or `renamed_from=` from the new one; to exchange "
        "two names, rename one of them to a third name and apply that first"
    )
    asset: str
    former: str
    other: str


@dataclass(eq=False, kw_only=True)
class RenamedTwice(DeclarationError):
    """Two assets are renamed from one, which has one history."""

    code: ClassVar[str] = "PRJ-101"
    template: ClassVar[str] = "{asset} and {other} are both renamed from {former}"
    remedy: ClassVar[str] = "leave `renamed_from=` with the one that goes on with the history"
    asset: str
    other: str
    former: str


@dataclass(eq=False, kw_only=True)
class HistoryShared(DeclarationError):
    """Two declared assets would have one history.  The facts of a source, the state of a view and
    the versions of a model are filed by what it was first called, whatever it is called now; so
    that name cannot be given to something new while the other one is declared.
    """

    code: ClassVar[str] = "PRJ-102"
    template: ClassVar[str] = (
        "{asset} would have the history of {other}, which was first called {origin}"
    )
    remedy: ClassVar[str] = "give it another name, one that was never used for {other}"
    asset: str
    other: str
    origin: str


@dataclass(eq=False, kw_only=True)
class HistoryTaken(DeclarationError):
    """`renamed_from=` stands at an asset that was applied under its own name before, and so has a
    history of its own already.  Two histories are not joined.
    """

    code: ClassVar[str] = "PRJ-103"
    template: ClassVar[str] = (
        "{asset} cannot be renamed from {former}: it has a history already, filed by {origin}"
    )
    remedy: ClassVar[str] = (
        "remove `renamed_from=`; or declare it under a name that was never applied, with "
        "`renamed_from={former!r}`"
    )
    asset: str
    former: str
    origin: str


@dataclass(eq=False, kw_only=True)
class NothingImported(DeclarationError):
    """A declaration was asked for where settings were given with `--trust`.  Such a server imports
    none of the project's Python, and works with what its environment holds.
    """

    code: ClassVar[str] = "PRJ-110"
    template: ClassVar[str] = (
        "nothing that is declared is imported: the settings are those of {path}"
    )
    remedy: ClassVar[str] = "ask for what the environment holds, or leave --trust out"
    path: str


@dataclass(eq=False, kw_only=True)
class ViewNotDeclared(DeclarationError):
    """A feature set names a view that the project does not declare: a name that was mistyped, or a
    view that was renamed or removed.
    """

    code: ClassVar[str] = "PRJ-120"
    template: ClassVar[str] = (
        "feature set {feature_set} names view {view!r}, which is not declared; there is {known}"
    )
    remedy: ClassVar[str] = "name a view that is declared, or take it out of the set"
    feature_set: str
    view: str
    known: str


@dataclass(eq=False, kw_only=True)
class FeatureNotInView(DeclarationError):
    """A feature set names a feature that its view does not have.  A feature is named as its column:
    entity, feature and window.
    """

    code: ClassVar[str] = "PRJ-121"
    template: ClassVar[str] = "feature set {feature_set}: there is no feature {reference}"
    remedy: ClassVar[str] = "name one of these, or the view alone for all of them: {known}"
    feature_set: str
    reference: str
    known: str


@dataclass(eq=False, kw_only=True)
class FeatureTwiceInSet(DeclarationError):
    """Two features of a feature set have the same name, so they would be the same column.  A view
    is read whole, so this holds for its features that the set leaves out, too.
    """

    code: ClassVar[str] = "PRJ-122"
    template: ClassVar[str] = (
        "feature set {feature_set}: feature {feature} comes from both {first} and {second}"
    )
    remedy: ClassVar[str] = "name each feature once, or rename it in one of the views"
    feature_set: str
    feature: str
    first: str
    second: str


@dataclass(eq=False, kw_only=True)
class FeatureSetNested(DeclarationError):
    """A feature set names a feature set, another one or itself.  A set holds views, so none can go
    round in a circle, and what it holds stands in one place.
    """

    code: ClassVar[str] = "PRJ-123"
    template: ClassVar[str] = "feature set {feature_set} names feature set {other}"
    remedy: ClassVar[str] = "name the views of {other} instead"
    feature_set: str
    other: str


@dataclass(eq=False, kw_only=True)
class FeatureSetNameTaken(DeclarationError):
    """A feature set has the name of a view.  Both are read by their names, so whoever asks for one
    could be given the other.
    """

    code: ClassVar[str] = "PRJ-124"
    template: ClassVar[str] = "feature set {feature_set} has the name of a view"
    remedy: ClassVar[str] = "give one of them another name"
    feature_set: str
