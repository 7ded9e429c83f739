"""The commands to get started with."""

import re
from functools import partial
from pathlib import Path

import click

from mainspring.app.cli.admission import admission_of, admission_options, admission_words
from mainspring.app.cli.create import create_project
from mainspring.app.cli.execution import execution_of, execution_options
from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import (
    GivenPath,
    Invocation,
    Verb,
    access_log_option,
    option_words,
    server_option,
    telling_words,
    tls_files,
    tls_options,
    tls_words,
    traces_option,
    workers_option,
)
from mainspring.app.cli.secrets import require_place
from mainspring.features.compile_kernels import begin_in_background, compile_kernels
from mainspring.ports.errors import FileRefused

__all__ = ["demo", "init", "kernels", "named_files", "require_nobody_else", "serve_model"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@click.command(cls=Verb)
@click.argument("folder", default=".", type=GivenPath(file_okay=False), metavar="[FOLDER]")
@click.option("--name", default="", help="The project's name.  [the folder's name]")
@click.pass_obj
def init(at: Invocation, folder: Path, name: str) -> None:
    """Create a small project that runs, to start your own from.

    It has one Python file with commented declarations, project.toml, .gitignore, and four weeks of
    made-up data.  An existing project is never overwritten.
    """
    try:
        written = create_project(folder, name or folder.resolve().name)
    except OSError as error:
        # A name that leads nowhere, a disk that is full: nothing of ours has to know which.
        raise FileRefused(file=str(folder), reason=error.strerror or str(error)) from error
    step_in = "" if folder == Path() else f"cd {folder} && "
    begin_in_background(at.note)
    record = {"folder": str(folder), "written": [str(path) for path in written]}
    at.answer(
        record,
        lambda paint: [
            *(f"{paint.mark(True)} {path}" for path in written),
            "",
            f"Next: {step_in}mainspring plan",
        ],
    )


@click.command(cls=Verb)
@click.option(
    "--keep", is_flag=True, help="Leave the server running and the project in place at the end."
)
@click.pass_obj
def demo(_: Invocation, keep: bool) -> int:
    """Show everything on real flight data, in about three minutes."""
    from mainspring.app.demo import run_demo

    return run_demo(keep=keep)


@click.command(cls=Verb)
@click.pass_obj
def kernels(at: Invocation) -> int:
    """Compile what computes features, ahead of its first use.

    Once for each installation and user; init, plan and apply begin it in the background.
    """
    report = compile_kernels(lambda done, total: at.note(f"  {done} of {total}"))
    at.answer(report, lambda _: report.lines())
    return EXIT_REFUSED if report.failed else 0


@tls_options
@execution_options
@admission_options
@click.command(cls=Verb)
@click.argument("files", nargs=-1, required=True, metavar="[NAME=]FILE...")
@click.option(
    "--name",
    default="",
    metavar="NAME",
    help="Of one FILE without a name of its own: the model's name in its routes.  [model]",
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 chooses a free port.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Answer requests to this host too, as a proxy passes them on; may be repeated.",
)
@click.option(
    "--token-file",
    type=GivenPath(dir_okay=False),
    metavar="FILE",
    help="Has the token, or gets it where it is new; needed where output goes to a file.",
)
@click.option(
    "--no-auth", is_flag=True, help="Answer without a token; only to callers on this machine."
)
@click.option(
    "--health-port",
    default=None,
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Have a supervisor answer for health here, and replace a server that stands still.",
)
@workers_option
@server_option
@access_log_option
@traces_option
@click.pass_obj
def serve_model(
    at: Invocation,
    /,
    files: tuple[str, ...],
    name: str,
    port: int,
    *,
    hosts: tuple[str, ...],
    token_file: Path | None,
    no_auth: bool,
    health_port: int | None,
    workers: int | None,
    access_log: str,
    traces: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    queue: int | None,
    requests_per_s: float | None,
    burst: int | None,
    **execution: str | float | None,
) -> int:
    """Serve files of models, without a project.

    `iris=iris.onnx churn=churn.txt` serves each (ONNX, LightGBM's text, XGBoost's JSON) by its
    name, with the inputs and outputs that it has; FILE alone is served with `features` and `score`,
    as endpoints are.  It speaks the Open Inference Protocol and computes no features;
    `pip install mainspring[serve]` is enough for it.
    """
    given, secured = named_files(files, name), tls_files(tls_cert, tls_key, client_ca)
    declared = execution_of(**execution)
    limits = admission_of(queue=queue, requests_per_s=requests_per_s, burst=burst)
    is_supervised = health_port is not None or workers is not None
    if no_auth:
        require_nobody_else(hosts, token_file)
    else:
        require_token_place(token_file, access_log, outlives=is_supervised)
    if is_supervised:
        from mainspring.engines.local.supervise import supervise_server

        words = ["serve-model", *files, *(["--no-auth"] if no_auth else [])]
        words += [word for host in hosts for word in ("--allow-host", host)]
        words += [*tls_words(secured), *telling_words(access_log, traces)]
        words += admission_words(limits)
        words += option_words(name=name or None, token_file=token_file, **execution)
        return supervise_server(
            words, port=port, health_port=health_port, announce=at.note, workers=workers or 1
        )
    from mainspring.app.http.bare import run_model_server as serve_files
    from mainspring.app.models.model_file import ModelFile

    serve_files(
        {each: ModelFile(path, as_matrix, declared.place) for each, path, as_matrix in given},
        port=port,
        hosts=hosts,
        announce=partial(click.echo, err=access_log == "-"),
        access_log=access_log,
        traces=traces,
        token_file=token_file,
        needs_token=not no_auth,
        tls=secured,
        gather_s=declared.gather_s,
        limits=limits,
    )
    return 0


def require_token_place(token_file: Path | None, access_log: str, *, outlives: bool) -> None:
    """Return if there is a place for the token: one that has to outlive a server, or whose server
    writes its access log to standard output, needs a file.
    """
    if access_log == "-" and token_file is None:
        raise click.UsageError(
            "with the access log on standard output the token needs a file: --token-file FILE"
        )
    require_place(token_file, option="--token-file", ends_with_process=True)
    if outlives and token_file is None:
        raise click.UsageError(
            "with --health-port and --workers the token has to outlive a server that is "
            "replaced: give --token-file FILE"
        )


def named_files(files: tuple[str, ...], name: str) -> list[tuple[str, Path, bool]]:
    """Each model's name and file, and whether it is served as endpoints are."""
    given = []
    for each in files:
        before, equals, after = each.partition("=")
        is_named = bool(equals) and not Path(each).exists()
        if is_named and not _NAME.fullmatch(before):
            raise click.UsageError(f"{before!r} is no name of a model: letters, digits, . _ and -")
        path = Path(after if is_named else each)
        if not path.is_file():
            raise click.UsageError(f"there is no file {str(path)!r}")
        given.append((before if is_named else name or "model", path, not is_named))
    if name and (len(given) > 1 or not given[0][2]):
        raise click.UsageError("--name is for one FILE; of several, write NAME=FILE for each")
    if len({each for each, _, _ in given}) < len(given):
        raise click.UsageError("two models have one name; write NAME=FILE for each")
    return given


def require_nobody_else(hosts: tuple[str, ...], token_file: Path | None) -> None:
    """Refuse to answer without a token where others than this machine's users may ask."""
    if token_file is not None:
        raise click.UsageError("--no-auth needs no token: leave out --token-file")
    if hosts:
        raise click.UsageError(
            "--no-auth is for callers on this machine; with --allow-host a token is needed"
        )
