"""The commands to begin with."""

from pathlib import Path

import click

from mainspring.app.cli.create import create_project
from mainspring.app.cli.options import Invocation, Verb

__all__ = ["demo", "init"]


@click.command(cls=Verb)
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False), metavar="[FOLDER]")
@click.option("--name", default="", help="What the project is called.  [the folder's name]")
@click.pass_obj
def init(at: Invocation, folder: Path, name: str) -> None:
    """Write a small project that runs, to be changed into your own.

    One Python file with its declarations explained, project.toml, .gitignore, and four weeks of made-up data.  An existing project is never touched.
    """
    written = create_project(folder, name or folder.resolve().name)
    step_in = "" if folder == Path() else f"cd {folder} && "
    record = {"folder": str(folder), "written": [str(path) for path in written]}
    at.answer(record, lambda paint: [*(f"{paint.mark(True)} {path}" for path in written), "", f"See what it takes: {step_in}mainspring plan"])


@click.command(cls=Verb)
@click.option("--keep", is_flag=True, help="Leave the server running, and the workspace in place, at the end.")
@click.pass_obj
def demo(_: Invocation, keep: bool) -> int:
    """See everything at work on real flights, in about five minutes."""
    from mainspring.app.demo import run_demo

    return run_demo(keep=keep)
