"""The options that every command takes, and the record of them that a command gets: which project,
which environment, who acts, and how to print the result.
"""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mainspring.app.cli.output import colours_of, live_line, write_answer
from mainspring.app.cli.paint import Paint
from mainspring.app.cli.progress import StageProgress
from mainspring.elements.actor import parse_actor
from mainspring.elements.errors import NotAnActor
from mainspring.ports.tls import ServerTlsFiles

if TYPE_CHECKING:
    from mainspring.app.workspace import Workspace
    from mainspring.project.config.config import EnvironmentConfig

__all__ = [
    "GivenPath",
    "Invocation",
    "Verb",
    "WorkspaceGroup",
    "WorkspaceVerb",
    "access_log_option",
    "actor_name",
    "option_words",
    "server_option",
    "telling_words",
    "tls_files",
    "tls_options",
    "tls_words",
    "traces_option",
    "trust_option",
    "worker_count",
    "workers_option",
]

_CommandT = TypeVar("_CommandT", bound=click.Command)


class GivenPath(click.Path):
    """A path that the operating system can look up; whether something has to be there is the
    command's to say.
    """

    def __init__(self, path_type: type = Path, **settings: bool) -> None:
        super().__init__(path_type=path_type, **settings)

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> "str | bytes | os.PathLike[str]":
        """The path, or a usage error that says why it is none."""
        try:
            os.stat(value)
        except (FileNotFoundError, PermissionError):
            pass
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.fail(f"{os.fspath(value)!r} is no path: {reason}", param, ctx)
        return super().convert(value, param, ctx)


trust_option = click.option(
    "--trust",
    type=GivenPath(dir_okay=False),
    default=None,
    envvar="MAINSPRING_TRUST",
    metavar="FILE",
    help="Settings and keys outside of the project, in place of its project.toml; the project's "
    "Python is not imported.",
)
"""For commands that load a protected environment."""


workers_option = click.option(
    "--workers",
    default=None,
    type=click.IntRange(1, 256),
    metavar="N",
    help="How many processes answer, under a supervisor.",
)
"""For commands that serve."""


def _choose_server(_: click.Context, __: click.Parameter, value: str | None) -> None:
    # By the environment, so that the processes of a supervisor have it too.
    if value is not None:
        os.environ["MAINSPRING_SERVER"] = value


access_log_option = click.option(
    "--access-log",
    default="",
    metavar="FILE",
    help="A line of JSON for each call, in this file or, for -, on standard output.",
)
"""For commands that serve."""


traces_option = click.option(
    "--traces",
    default="",
    metavar="URL",
    help="Send traces to this collector of OpenTelemetry, such as http://localhost:4318.",
)
"""For commands that serve."""


def telling_words(access_log: str, traces: str) -> list[str]:
    """The options of the access log and of traces, as a supervisor passes them on."""
    words = ["--access-log", access_log] if access_log else []
    return words + (["--traces", traces] if traces else [])


server_option = click.option(
    "--server",
    type=click.Choice(["native", "uvicorn"]),
    callback=_choose_server,
    expose_value=False,
    help="What speaks HTTP; also MAINSPRING_SERVER.  [native]",
)
"""For commands that serve."""


def tls_options(command: _CommandT) -> _CommandT:
    """The command with options for the files of TLS, of which `tls_files` makes a record."""
    for name, text in (
        ("--tls-cert", "Speak TLS with this certificate: PEM, with those above it."),
        ("--tls-key", "The private key of --tls-cert, which only its owner may read."),
        ("--client-ca", "Let in only callers with a certificate of one of these authorities."),
    ):
        given = GivenPath(dir_okay=False)
        command.params.append(click.Option([name], type=given, metavar="FILE", help=text))
    return command


def tls_files(
    tls_cert: Path | None = None, tls_key: Path | None = None, client_ca: Path | None = None
) -> ServerTlsFiles | None:
    """The files that a server is given; None for none."""
    if tls_cert is not None and tls_key is not None:
        return ServerTlsFiles(tls_cert, tls_key, client_ca)
    if tls_cert is None and tls_key is None and client_ca is None:
        return None
    raise click.UsageError("--tls-cert and --tls-key go together, and --client-ca with both")


def tls_words(files: ServerTlsFiles | None) -> list[str]:
    """The options that name the files, for the processes of a supervisor.

    They are read first: what cannot be used is said at once, and not by processes that end.
    Raises: TlsFileUnusable SRV-054, TlsKeyExposed SRV-055.
    """
    if files is None:
        return []
    from mainspring.app.http.address import certificates_of

    certificates_of(files)
    words = ["--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
    authority = files.client_authority
    return [*words, *(["--client-ca", str(authority)] if authority else [])]


def option_words(**given: str | float | Path | None) -> list[str]:
    """Options with a value, as they were given, for the processes of a supervisor.

    >>> option_words(device=1, gpu_memory="4GiB", fallback=None)
    ['--device', '1', '--gpu-memory', '4GiB']
    """
    said = ((f"--{name.replace('_', '-')}", each) for name, each in given.items())
    return [word for name, each in said if each is not None for word in (name, str(each))]


def worker_count() -> int:
    """One worker for each core that this process may use."""
    return len(os.sched_getaffinity(0))


def actor_name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The value, or a usage error: who acts goes into a journal that stays."""
    try:
        return parse_actor(value) if value else value
    except NotAnActor as error:
        raise click.BadParameter(f"{error.message}: {error.remedy}", ctx, param) from error


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """How a command was called.

    Args:
        actor: who acts; empty for the user of this process.
    """

    project: Path = Path()
    environment: str = "dev"
    actor: str = ""
    as_json: bool = False

    def open(self, environment: str = "", *, trust: Path | None = None) -> "Workspace":
        """The workspace, in the environment of `--env` or in another one.

        Args:
            trust: the file of settings that `--trust` names.

        Raises: TrustUnusable ENG-033, ProjectErrors PRJ-020, UnknownEnvironment ACC-004.
        """
        from mainspring.app.workspace import Workspace

        return Workspace.open(
            self.project, environment or self.environment, actor=self.actor, trust=trust
        )

    def settings(self, trust: Path | None) -> "EnvironmentConfig":
        """Of the environment of `--env`; for a process that loads nothing of the project.

        Raises: as `open`, for settings that cannot be read.
        """
        from mainspring.project.config.read import read_config, read_trusted_config

        config = (
            read_trusted_config(trust, name=self.project.resolve().name)
            if trust
            else read_config(self.project)
        )
        return config.environment(self.environment)

    def declared_tls(self, trust: Path | None) -> ServerTlsFiles | None:
        """The files of TLS in those settings, as seen from here."""
        from mainspring.project.config.read import project_root

        found = self.settings(trust).tls
        return found.within(project_root(self.project)[0]) if found else None

    def words(self, *command: str) -> list[str]:
        """A command as it is typed, with the options that this one was called with."""
        given = {"--project": str(self.project), "--env": self.environment, "--as": self.actor}
        shared = [word for name, value in given.items() if value for word in (name, value)]
        return [*command, *shared, *(["--json"] if self.as_json else [])]

    def answer(self, record: object, render: Callable[[Paint], Iterable[str]]) -> None:
        """Print the record, as JSON or as the lines that `render` makes of it."""
        write_answer(
            record, () if self.as_json else render(colours_of(sys.stdout)), as_json=self.as_json
        )

    def follow(self, *, stages: int = 0) -> StageProgress:
        """Shows the progress of a run on standard error."""
        return StageProgress(live_line(sys.stderr), colours_of(sys.stderr), total=stages)

    def note(self, text: str) -> None:
        """Print a remark on standard error, for people only."""
        if not self.as_json:
            sys.stderr.write(f"{text}\n")


class _Shared(click.Command):
    """Parses the options that commands share, and passes them on as an `Invocation`."""

    shared: tuple[str, ...] = ("as_json",)

    def __init__(self, *args: object, **settings: object) -> None:
        # Click's own signature, passed on as it is.
        super().__init__(*args, **settings)  # type: ignore[arg-type]
        self.params += [option for option in _shared_options() if option.name in self.shared]

    def invoke(self, ctx: click.Context) -> object:
        """Call the command with an `Invocation` instead of the shared options."""
        ctx.obj = Invocation(**{name: ctx.params.pop(name) for name in self.shared})
        return super().invoke(ctx)

    def write_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options first, then those that every command takes."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        shown = [(param, record) for param in options if (record := param.get_help_record(ctx))]
        everywhere = {
            *self.shared,
            *(option.name for option in [self.get_help_option(ctx)] if option),
        }
        own = [record for param, record in shown if param.name not in everywhere]
        shared = [record for param, record in shown if param.name in everywhere]
        for title, records in (("Options", own), ("Common options", shared)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Verb(_Shared):
    """A command that prints text or, with `--json`, one document."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As `write_options`."""
        self.write_options(ctx, formatter)


class WorkspaceVerb(Verb):
    """A command on the workspace of a project."""

    shared = ("project", "environment", "actor", "as_json")


class WorkspaceGroup(_Shared, click.Group):
    """A command on the workspace of a project that has subcommands."""

    shared = WorkspaceVerb.shared

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As `write_options`, and the subcommands."""
        self.write_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def _shared_options() -> list[click.Option]:
    return [
        click.Option(
            ["--project"],
            type=GivenPath(),
            default=".",
            envvar="MAINSPRING_PROJECT",
            metavar="PATH",
            help="The project's folder or file.  [current folder]",
        ),
        click.Option(
            ["--env", "environment"],
            default="dev",
            envvar="MAINSPRING_ENV",
            metavar="NAME",
            help="The environment.  [dev]",
        ),
        click.Option(
            ["--as", "actor"],
            callback=actor_name,
            default="",
            envvar="MAINSPRING_ACTOR",
            metavar="ACTOR",
            help="Who acts, such as person:ada.  [current user]",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."),
    ]
