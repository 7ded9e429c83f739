"""What can be wrong with a project.  Each fault knows the user's line; `ProjectErrors` carries all
of them at once.
"""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import AccessError, DeclarationError, FlowError, GateError
from mainspring.gates.verdict import Verdict

__all__ = [
    "ConfigurationFault",
    "GatesFailed",
    "ImportFailed",
    "NotADeclaration",
    "NothingDeclared",
    "NothingToPromote",
    "NothingToRollBack",
    "OpensItself",
    "ProjectErrors",
    "ProjectMissing",
    "ProjectUnreadable",
    "ProtectedEnvironment",
    "UnknownEnvironment",
]


@dataclass(eq=False, kw_only=True)
class ProjectErrors(DeclarationError):
    """Everything that is wrong with a project, found in one pass.  Nothing was changed: a project
    is checked whole before anything is planned.
    """

    code: ClassVar[str] = "PRJ-020"
    template: ClassVar[str] = "{count} in the project"
    faults: tuple[DeclarationError, ...]

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
    """A project is a folder of Python modules, with or without `project.toml`, or one Python
    file.
    """

    code: ClassVar[str] = "PRJ-021"
    template: ClassVar[str] = "there is no project at {path}"
    remedy: ClassVar[str] = "name a folder or a .py file, or begin one with: mainspring init"
    path: str


@dataclass(eq=False, kw_only=True)
class NothingDeclared(DeclarationError):
    """Only modules that import `mainspring` itself are read, and not those in `tests` or hidden
    folders.
    """

    code: ClassVar[str] = "PRJ-022"
    template: ClassVar[str] = "nothing is declared in {path}"
    remedy: ClassVar[str] = (
        "declare a source or a model in a module that says: import mainspring as ms"
    )
    path: str


@dataclass(eq=False, kw_only=True)
class ConfigurationFault(DeclarationError):
    """`project.toml` holds `name`, `[cost]` and `[environments.NAME]` with `protected`, `requires`,
    `trust` and `engines`; nothing else, so that a misspelt setting cannot be ignored in silence.
    """

    code: ClassVar[str] = "PRJ-023"
    template: ClassVar[str] = "{setting}: {problem}"
    remedy: ClassVar[str] = "correct it in project.toml"
    setting: str
    problem: str


@dataclass(eq=False, kw_only=True)
class ImportFailed(DeclarationError):
    """A module of the project could not be imported.  The place is the last line of the project's
    own that ran.
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
    remedy: ClassVar[str] = "make it UTF-8 text that this user may read"
    path: str
    problem: str


@dataclass(eq=False, kw_only=True)
class OpensItself(DeclarationError):
    """A module of a project opens the workspace of that project while it is imported, and would be
    imported again, without end.

    Every file below the project's folder that imports `mainspring` is one of its modules; a script
    that works with the project is not meant to be.
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
    """A workspace in memory is made of declarations; another value among them would be left out
    without a word.
    """

    code: ClassVar[str] = "PRJ-047"
    template: ClassVar[str] = "{value} declares nothing"
    remedy: ClassVar[str] = (
        "give sources, views, training sets, models, endpoints and monitors; a fit "
        "function needs @ms.model above it"
    )
    value: str


@dataclass(eq=False, kw_only=True)
class GatesFailed(GateError):
    """A model did not prove what its gates ask.

    Everything that was built stays and is reused, the verdicts are signed and on record, and the
    environment's map did not move.
    """

    code: ClassVar[str] = "GAT-010"
    template: ClassVar[str] = "{version} is not let into {environment}: {failed}"
    remedy: ClassVar[str] = "read the verdicts; {environment} still serves what it served"
    version: str
    environment: str
    failed: str
    verdicts: tuple[Verdict, ...]


@dataclass(eq=False, kw_only=True)
class PolicyNotInForce(GateError):
    """Models are judged again, for a promotion or a renewal, by the gates that the project
    declares; here these are not the ones that the environment holds its models under.

    Statements name the gates of their policy and not the limits that these were judged by, so
    verdicts for a policy that is not declared any more cannot be given again.
    """

    code: ClassVar[str] = "GAT-011"
    template: ClassVar[str] = (
        "{environment} is under another policy than the project declares for {models}"
    )
    remedy: ClassVar[str] = (
        "apply or promote first, so that the declared gates are in force in {environment}; or "
        "use the code that declares the gates in force there"
    )
    environment: str
    models: str


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
